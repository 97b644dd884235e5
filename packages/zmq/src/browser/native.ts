/** In place of crypto/native.ts: a page has no addons. */
export type NativeSodium = import('sodium-native').SodiumNative;

export async function loadNative(): Promise<NativeSodium | null> {
  return null;
}
