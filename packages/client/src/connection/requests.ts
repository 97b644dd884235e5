/** Questions to the node that have one answer; asked again when the connection was lost. */

import { ClientError, fromNode } from '../errors.ts';
import type { StreamInfo, Trouble } from '../wire/messages.ts';
import type { Party, Port } from './port.ts';

interface Request {
  readonly stream: string;
  readonly settle: (error: ClientError | null, info?: StreamInfo) => void;
}

export class Requests implements Pick<Party, 'ended'> {
  readonly #port: Port;
  readonly #timeout: number;
  readonly #open = new Map<number, Request>();
  #made = 0;

  constructor(port: Port, timeout: number) {
    this.#port = port;
    this.#timeout = timeout;
  }

  info(stream: string): Promise<StreamInfo> {
    const request = ++this.#made >>> 0;
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => {
        const text = `${stream}: the node did not answer within ${this.#timeout} ms`;
        settle(new ClientError('ERR_TIMEOUT', text, { stream }));
      }, this.#timeout);
      const settle = (error: ClientError | null, info?: StreamInfo): void => {
        clearTimeout(timer);
        this.#open.delete(request);
        if (error === null) resolve(info!);
        else reject(error);
      };
      this.#open.set(request, { stream, settle });
      this.#port.send({ type: 'INFO', request, stream });
    });
  }

  answered(request: number, info: StreamInfo | Trouble): void {
    const { stream, settle } = this.#open.get(request) ?? {};
    if (settle === undefined || stream === undefined) return;
    if ('code' in info) settle(fromNode(info, 'ERR_REFUSED', { stream }));
    else settle(null, info);
  }

  joined(): void {
    for (const [request, { stream }] of this.#open) this.#port.send({ type: 'INFO', request, stream });
  }

  ended(error: ClientError): void {
    for (const { settle } of [...this.#open.values()]) settle(error);
  }
}
