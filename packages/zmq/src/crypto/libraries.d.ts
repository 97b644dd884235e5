/** What is used of two libraries that bring no types of their own. */

declare module 'libsodium' {
  /** libsodium compiled to WebAssembly. Pointers are offsets into HEAPU8; 64-bit lengths are two numbers, low first. */
  export interface Sodium {
    readonly HEAPU8: Uint8Array;
    _malloc(size: number): number;
    _free(pointer: number): void;
    _crypto_box_beforenm(key: number, publicKey: number, secretKey: number): number;
    _crypto_scalarmult_base(publicKey: number, secretKey: number): number;
    _crypto_secretbox_easy(
      box: number,
      plain: number,
      low: number,
      high: number,
      nonce: number,
      key: number,
    ): number;
    _crypto_secretbox_open_easy(
      plain: number,
      box: number,
      low: number,
      high: number,
      nonce: number,
      key: number,
    ): number;
  }
  const load: () => Promise<Sodium>;
  // biome-ignore lint/style/noDefaultExport: the library's form
  export default load;
}

declare module 'sodium-native' {
  export interface SodiumNative {
    crypto_secretbox_easy(box: Uint8Array, plain: Uint8Array, nonce: Uint8Array, key: Uint8Array): void;
    crypto_secretbox_open_easy(
      plain: Uint8Array,
      box: Uint8Array,
      nonce: Uint8Array,
      key: Uint8Array,
    ): boolean;
  }
  const sodium: SodiumNative;
  // biome-ignore lint/style/noDefaultExport: the library's form
  export default sodium;
}
