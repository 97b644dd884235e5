/** libsodium as an addon, where somebody has installed it: three times as fast as WebAssembly for large messages. */
import type { SodiumNative } from 'sodium-native';

export type NativeSodium = SodiumNative;

/** Null where it is not installed, or does not run. */
export async function loadNative(): Promise<NativeSodium | null> {
  try {
    const { default: sodium } = await import('sodium-native');
    // One that is there and does not work must not be found out by the first message.
    const box = Buffer.alloc(17);
    const nonce = Buffer.alloc(24);
    const key = Buffer.alloc(32);
    sodium.crypto_secretbox_easy(box, Buffer.alloc(1), nonce, key);
    return sodium.crypto_secretbox_open_easy(Buffer.alloc(1), box, nonce, key) ? sodium : null;
  } catch {
    return null;
  }
}
