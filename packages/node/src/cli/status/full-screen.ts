/**
 * The whole terminal for one program, until it is given back.
 *
 * Guarantees: given back once, by `close` or by the end of the process, whatever ends it but SIGKILL; lines are cut to the
 * terminal's size, which may change.
 */

const ENTER = '\u001b[?1049h\u001b[?25l';
const LEAVE = '\u001b[?25h\u001b[?1049l';
const HOME = '\u001b[H';
const REST_OF_LINE = '\u001b[K';
const REST_OF_SCREEN = '\u001b[J';

export class FullScreen {
  #lines: readonly string[] = [];
  #closed = false;
  readonly #over: AbortController = new AbortController();
  readonly #onKey = (data: Buffer): void => {
    // q, Q, Ctrl-C, Ctrl-D, Esc: in raw mode the terminal makes no signals of them.
    if (
      ![...data].some((byte) => [0x71, 0x51, 3, 4].includes(byte)) &&
      !(data.length === 1 && data[0] === 27)
    )
      return;
    this.#over.abort();
  };
  readonly #onResize = (): void => this.#draw();
  readonly #onExit = (): void => this.close();

  constructor() {
    process.once('exit', this.#onExit);
    process.stdout.write(ENTER);
    process.stdin.setRawMode(true);
    process.stdin.on('data', this.#onKey);
    process.stdout.on('resize', this.#onResize);
  }

  /** Aborts when somebody presses q. */
  get over(): AbortSignal {
    return this.#over.signal;
  }

  show(lines: readonly string[]): void {
    this.#lines = lines;
    this.#draw();
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    process.off('exit', this.#onExit);
    process.stdout.off('resize', this.#onResize);
    process.stdin.off('data', this.#onKey);
    process.stdin.setRawMode(false);
    process.stdin.pause();
    process.stdout.write(LEAVE);
  }

  #draw(): void {
    const { columns = 80, rows = 24 } = process.stdout;
    const room = Math.max(1, rows - 1);
    const fitting = this.#lines.length <= room ? this.#lines : [...this.#lines.slice(0, room - 1), '…'];
    const text = fitting.map((line) => `${cut(line, columns)}${REST_OF_LINE}\r\n`).join('');
    process.stdout.write(`${HOME}${text}${REST_OF_SCREEN}`);
  }
}

/** At most `columns` characters; our own escape sequences take no room, and colours end with the line. */
export function cut(line: string, columns: number): string {
  let room = columns;
  let text = '';
  // biome-ignore lint/suspicious/noControlCharactersInRegex: our own escape sequences
  for (const part of line.split(/(\u001b\[[\d;]*m)/)) {
    if (part.startsWith('\u001b')) text += part;
    else {
      text += part.slice(0, room);
      room -= Math.min(room, part.length);
    }
  }
  return text;
}
