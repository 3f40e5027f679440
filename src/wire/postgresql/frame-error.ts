import { CodedError } from '../../lib/coded-error.ts';

/** Bytes that are no message of the protocol. The session that sent them cannot go on: SQLSTATE 08P01. */
export class FrameError extends CodedError {
  constructor(message: string) {
    super('WIRE_FRAME', message);
  }
}
