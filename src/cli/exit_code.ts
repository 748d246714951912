/** 0: done. 1: failed, or found problems. 2: used wrongly. */
export type ExitCode = 0 | 1 | 2;
