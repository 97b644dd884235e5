/** A page does not go to sleep in a system call: there is nothing to be won by turning (see socket/spin.ts). */
export function spin(): void {}
