import type { Detector } from '../../bundle/bundle.ts';
import { createDetector } from '../../mask/detect.ts';
import {
  decodeFields, decodeNotification, decodeRowDescription, encodeError, encodeFields, encodeNotification, encodeParameterStatus, type ReportFields,
} from '../../wire/postgresql/backend-messages.ts';
import { backendType, headerBytes } from '../../wire/postgresql/message-type.ts';
import type { Conversation } from './conversation.ts';
import { type ColumnForm, columnForms, DetectRewriter } from './detect-rewriter.ts';
import type { ExpectedReply } from './expected-reply.ts';
import { withholdsErrors } from './known-text.ts';
import { withheldReport } from './withheld-report.ts';

/** What the client is shown of rows, errors and notices: detectors look into all of it, and what could carry masked values is withheld. */
export class ShownValues {
  readonly #talk: Conversation;
  #detectors: readonly Detector[] = [];
  #rewriter: DetectRewriter | undefined;
  /** Of the rows that come now. */
  #columns: readonly ColumnForm[] = [];
  #isBinaryCopy = false;

  constructor(talk: Conversation) {
    this.#talk = talk;
  }

  /** Another request is answered from here on. Whether its rows must come in whole frames. */
  begin(head: ExpectedReply | undefined): boolean {
    const { detectors } = this.#talk.session.decider;
    if (this.#detectors !== detectors) {
      this.#detectors = detectors;
      const detector = createDetector(detectors, this.#talk.deps.hashKey);
      this.#rewriter = detector === undefined ? undefined : new DetectRewriter(detector);
    }
    if (this.#rewriter !== undefined && head?.kind === 'Execute') this.#columns = formsOf(head);
    this.#isBinaryCopy = false;
    return this.#rewriter !== undefined;
  }

  /** A RowDescription: it says how the values that follow are written. */
  describe(head: ExpectedReply, frame: Buffer): void {
    if (this.#rewriter === undefined) return;
    const fields = decodeRowDescription(frame);
    if (head.prepared !== undefined) head.prepared.fields = fields;
    this.#columns = columnForms(fields, undefined);
  }

  /** A CopyOutResponse. */
  copyOut(frame: Buffer): void {
    this.#isBinaryCopy = frame[headerBytes] === 1;
  }

  /** The run as it may be shown; undefined: as it came. */
  rows(chunk: Buffer, start: number, end: number): Buffer | 'Unhideable' | undefined {
    if (this.#rewriter === undefined) return undefined;
    if (!this.#isBinaryCopy) return this.#rewriter.rewrite(chunk, start, end, this.#columns);
    return this.#rewriter.finds(chunk, start, end) ? 'Unhideable' : undefined;
  }

  notice(frame: Buffer): Buffer {
    const withholds = this.#mayWithhold();
    if (!withholds && this.#rewriter === undefined) return frame;
    const fields = decodeFields(frame);
    const shown = withholds ? withheldReport(fields) : fields;
    return encodeFields(backendType.NoticeResponse, this.#rewriter?.report(shown) ?? shown);
  }

  notification(frame: Buffer): Buffer {
    if (this.#rewriter === undefined) return frame;
    const { processId, channel, payload } = decodeNotification(frame);
    return encodeNotification(processId, channel, this.#rewriter.text(payload));
  }

  parameterStatus(frame: Buffer, { name, value }: { readonly name: string; readonly value: string }): Buffer {
    const shown = this.#rewriter?.text(value) ?? value;
    return shown === value ? frame : encodeParameterStatus(name, shown);
  }

  /** What the client is told of an error. */
  error(fields: ReportFields, frame: Buffer, head: ExpectedReply | undefined): Buffer {
    const own = head?.denial ?? head?.cutShort;
    if (own !== undefined) return encodeError(own);
    const plan = head?.known?.plan;
    const position = fields.get('P');
    const isMoved = position !== undefined && plan !== undefined && plan.text !== head?.known?.text;
    const withholds = this.#mayWithhold();
    if (!isMoved && !withholds && this.#rewriter === undefined) return frame;
    const said = withholds ? withheldReport(fields) : fields;
    const shown = new Map(this.#rewriter?.report(said) ?? said);
    if (isMoved) shown.set('P', String(plan.position(Number(position))));
    return encodeFields(backendType.ErrorResponse, shown);
  }

  /** The same for the record. */
  recordedMessage(head: ExpectedReply, fields: ReportFields): string {
    if (head.denial !== undefined) return head.denial.message;
    if (head.cutShort !== undefined) return head.cutShort.message;
    const message = (this.#mayWithhold() ? withheldReport(fields) : fields).get('M') ?? '';
    return this.#rewriter?.text(message) ?? message;
  }

  #mayWithhold(): boolean {
    if (this.#talk.withholdsErrors) return true;
    const { head } = this.#talk.target.expected;
    if (head === undefined) return false;
    const { known, portal } = head;
    if (head.withholdsErrors === true || known?.plan.statements.some((planned) => withholdsErrors(known.scope, planned)) === true) return true;
    return portal?.prepared.planned !== undefined && withholdsErrors(portal.scope, portal.prepared.planned);
  }
}

/** Describe came before the Execute, from the client or from us. */
function formsOf(head: ExpectedReply): readonly ColumnForm[] {
  const { portal } = head;
  return portal === undefined ? [] : columnForms(portal.prepared.fields ?? [], portal.bind?.resultFormats);
}
