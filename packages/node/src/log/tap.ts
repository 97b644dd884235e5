/** Who reads the log's lines beside its destination: one at a time, who may come and go while the log is in use. */
export interface LogTap {
  /** Called with each line, a JSON object. Null: nobody; a line costs one check then. */
  listener: ((line: string) => void) | null;
}
