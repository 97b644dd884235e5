/**
 * The numbers of the Windows service control manager that we speak, and words for its commonest errors.
 *
 * Guarantees: imports nothing; names are those of winsvc.h and winerror.h without their prefix.
 */

/** SERVICE_STATUS.dwCurrentState. */
export const STATE = {
  stopped: 1,
  startPending: 2,
  stopPending: 3,
  running: 4,
  continuePending: 5,
  pausePending: 6,
  paused: 7,
} as const;

/** What a handler is called with, and what ControlService takes. */
export const CONTROL = {
  stop: 1,
  pause: 2,
  continue: 3,
  interrogate: 4,
  shutdown: 5,
  paramChange: 6,
  preshutdown: 15,
} as const;

/** SERVICE_STATUS.dwControlsAccepted. */
export const ACCEPT = { stop: 1, pauseContinue: 2, shutdown: 4, paramChange: 8, preshutdown: 0x100 } as const;

export const ERROR = {
  none: 0,
  fileNotFound: 2,
  accessDenied: 5,
  insufficientBuffer: 122,
  invalidLevel: 124,
  callNotImplemented: 120,
  noMoreItems: 259,
  invalidServiceControl: 1052,
  serviceRequestTimeout: 1053,
  serviceAlreadyRunning: 1056,
  serviceDisabled: 1058,
  serviceDoesNotExist: 1060,
  serviceCannotAcceptControl: 1061,
  serviceNotActive: 1062,
  serviceSpecific: 1066,
  processAborted: 1067,
  logonFailed: 1069,
  serviceMarkedForDelete: 1072,
  serviceExists: 1073,
  serviceNeverStarted: 1077,
} as const;

/** SERVICE_WIN32_OWN_PROCESS */
export const OWN_PROCESS = 0x10;

/** A state of ours, as SERVICE_STATUS has it. */
export interface Report {
  readonly state: number;
  readonly accepted: number;
  readonly exit: number;
  readonly specific: number;
  readonly checkpoint: number;
  /** Milliseconds until the checkpoint moves, at the latest. */
  readonly hint: number;
}
