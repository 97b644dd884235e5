/**
 * Cryptography: random numbers and hashes work, TLS for centres and collectors can be had, and whether FIPS is on.
 */
import { createHash, getFips, randomBytes } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { createSecureContext, rootCertificates } from 'node:tls';
import type { Config } from '../config/types.ts';
import type { CheckResult, ConfiguredSurroundings } from './check.ts';
import { codeOf, failure, ok, plural, warning } from './check.ts';

const EMPTY = 'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855';

/** Whether a hash works. Tests hand in one that does not. */
export type Digest = (algorithm: string) => string;

const digest: Digest = (algorithm) => createHash(algorithm).update('').digest('hex');

export async function checkCryptography(
  { opened, environment }: ConfiguredSurroundings,
  hash: Digest = digest,
): Promise<readonly CheckResult[]> {
  const { config } = opened;
  const fips = getFips() === 1;
  const figures = { openssl: process.versions.openssl, fips, tls: usesTls(config) };
  const what = `OpenSSL ${process.versions.openssl}, FIPS mode ${fips ? 'on' : 'off'}`;
  try {
    if (hash('sha256') !== EMPTY || randomBytes(32).equals(Buffer.alloc(32)))
      throw new Error('it gives wrong results');
    createSecureContext({ minVersion: 'TLSv1.2' });
  } catch (error) {
    const way = 'check the OpenSSL settings of this machine (OPENSSL_CONF), or use another build of Node';
    return [failure('cryptography', `${what}: not usable: ${codeOf(error)}`, way, figures)];
  }
  if (config.source?.kind === 'nacos' && !works(hash, 'md5'))
    return [
      failure(
        'cryptography',
        `${what}: there is no MD5, which the protocol of Nacos needs`,
        'turn FIPS mode off for the node, or use another kind of centre',
        figures,
      ),
    ];
  const file = environment.NODE_EXTRA_CA_CERTS;
  if (file !== undefined && file !== '') {
    const trouble = await certificateTrouble(file);
    if (trouble !== null) {
      const way = `Node goes on without it: mend the file, or take NODE_EXTRA_CA_CERTS out of the environment`;
      return [warning('cryptography', `${what}: NODE_EXTRA_CA_CERTS ${file}: ${trouble}`, way, figures)];
    }
  }
  const use = figures.tls ? `TLS for ${usersOf(config).join(' and ')}` : 'nothing here uses TLS';
  return [
    ok(
      'cryptography',
      `${what}; ${plural(rootCertificates.length, 'authority certificate')}; ${use}`,
      figures,
    ),
  ];
}

function works(hash: Digest, algorithm: string): boolean {
  try {
    return hash(algorithm) !== '';
  } catch {
    return false;
  }
}

async function certificateTrouble(file: string): Promise<string | null> {
  try {
    const text = await readFile(file);
    createSecureContext({ ca: text });
    return text.includes('-----BEGIN CERTIFICATE-----') ? null : 'no certificate is in it';
  } catch (error) {
    return codeOf(error);
  }
}

function usersOf({ source, telemetry }: Config): readonly string[] {
  const secure = (url: string | undefined): boolean => /(^|,)\s*(https|tls):/i.test(url ?? '');
  return [
    ...(secure(source?.url) ? ['the centre'] : []),
    ...(secure(telemetry?.endpoint) ? ['telemetry'] : []),
  ];
}

function usesTls(config: Config): boolean {
  return usersOf(config).length > 0;
}
