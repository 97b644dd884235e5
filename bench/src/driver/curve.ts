/**
 * Keys for the rows with CURVE, the same as in bench/c/common.c, and what hides sodium-native.
 *
 * They are of no use anywhere else.
 */
import { register } from 'node:module';
import type { CurveOptions } from './library.ts';

export type CurveRole = 'server' | 'client';

const SERVER = {
  curvePublicKey: '4U+.qzrZZVaidP&%e.P)im$=>KM7(]JikIr)VF!:',
  curveSecretKey: 'mooe:5jtuM])w}lYA&=!btyj8gP=6rtx5rgR57S=',
};
const CLIENT = {
  curvePublicKey: 'E@XYk1enZ^[c!i3pHF.X}bx^=7%vVbXmt6nQ}geR',
  curveSecretKey: '<IsPjM+?st[{z3R-@5*amF)Jb+5Fl9FxPkCipf*9',
};

export function curveOptions(role: CurveRole | null): CurveOptions {
  if (role === null) return {};
  return role === 'server'
    ? { curveServer: true, ...SERVER }
    : { ...CLIENT, curveServerKey: SERVER.curvePublicKey };
}

/** As if sodium-native were not installed. Before the library is loaded. */
export function hideSodiumNative(): void {
  const hooks = `export async function resolve(name, context, next) {
    if (name === 'sodium-native') throw Object.assign(new Error('hidden'), { code: 'ERR_MODULE_NOT_FOUND' });
    return next(name, context);
  }`;
  register(`data:text/javascript,${encodeURIComponent(hooks)}`);
}
