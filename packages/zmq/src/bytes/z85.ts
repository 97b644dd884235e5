/** Z85: four octets as five printable characters, for keys in texts (RFC 32). */

const ALPHABET = '0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ.-:+=^!/*?&<>()[]{}@%$#';
const VALUES: ReadonlyMap<string, number> = new Map([...ALPHABET].map((letter, value) => [letter, value]));

/** The text of octets, whose number is a multiple of 4. */
export function z85Encode(octets: Uint8Array): string {
  let text = '';
  for (let at = 0; at + 4 <= octets.length; at += 4) {
    let value =
      octets[at]! * 0x100_0000 + octets[at + 1]! * 0x1_0000 + octets[at + 2]! * 0x100 + octets[at + 3]!;
    let group = '';
    for (let i = 0; i < 5; i++) {
      group = ALPHABET[value % 85]! + group;
      value = Math.floor(value / 85);
    }
    text += group;
  }
  return text;
}

/** The octets of a text; null when it is no Z85: another length, another character, a group over 2^32 - 1. */
export function z85Decode(text: string): Uint8Array | null {
  if (text.length % 5 !== 0) return null;
  const octets = new Uint8Array((text.length / 5) * 4);
  for (let at = 0, to = 0; at < text.length; at += 5, to += 4) {
    let value = 0;
    for (let i = at; i < at + 5; i++) {
      const digit = VALUES.get(text[i]!);
      if (digit === undefined) return null;
      value = value * 85 + digit;
    }
    if (value > 0xffff_ffff) return null;
    octets[to] = value >>> 24;
    octets[to + 1] = (value >>> 16) & 255;
    octets[to + 2] = (value >>> 8) & 255;
    octets[to + 3] = value & 255;
  }
  return octets;
}
