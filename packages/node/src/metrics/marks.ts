/**
 * How long the oldest message of a queue has waited, found from what the queue counts: no message is marked.
 *
 * Guarantees: the age is that of the oldest message to within the time between two notes, for a queue that lasts longer to
 * within an eighth of its age; sixteen marks at most are kept; nothing is kept of an empty queue.
 */

const LIMIT = 16;

interface Mark {
  /** Milliseconds. */
  readonly time: number;
  /** Messages that had come by then, since the beginning. */
  readonly came: number;
}

export class Marks {
  #marks: Mark[] = [];

  /** At `time`, `came` messages had come in all, and `queued` of them are still there. */
  note(time: number, came: number, queued: number): void {
    if (queued <= 0) {
      this.#marks = [];
      return;
    }
    const left = came - queued;
    // A mark whose messages have all left says nothing any more; nor does one of before the counting began anew.
    const marks = this.#marks.filter((mark) => mark.came > left && mark.came <= came);
    if (marks.at(-1)?.came !== came) marks.push({ time, came });
    if (marks.length > LIMIT) merge(marks);
    this.#marks = marks;
  }

  /** Milliseconds; 0: nothing waits, or what waits came after the last note. */
  age(time: number): number {
    const oldest = this.#marks[0];
    return oldest === undefined ? 0 : Math.max(0, time - oldest.time);
  }
}

/** The two that are nearest become one, with the time of the first: what came by the second is taken for older. */
function merge(marks: Mark[]): void {
  let nearest = 1;
  for (let at = 2; at < marks.length; at++) if (gap(marks, at) < gap(marks, nearest)) nearest = at;
  const [first, second] = marks.slice(nearest - 1, nearest + 1) as [Mark, Mark];
  marks.splice(nearest - 1, 2, { time: first.time, came: second.came });
}

function gap(marks: readonly Mark[], at: number): number {
  return (marks[at]?.time ?? 0) - (marks[at - 1]?.time ?? 0);
}
