/** A page stays as long as its reader wants, whoever waits for what (see socket/keep-alive.ts). */
export function hold(): void {}

export function letGo(): void {}
