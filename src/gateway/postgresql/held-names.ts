import type { Effect, PlannedStatement } from '../../sql/plan.ts';
import type { BindMessage } from '../../wire/postgresql/frontend-messages.ts';
import type { Judged, Refusal } from '../session.ts';
import { catalogueChanged, tooManyNames } from './reports.ts';
import type { Conversation } from './conversation.ts';
import type { Undo } from './expected-reply.ts';
import { type KnownText, onlyStatement, withholdsErrors } from './known-text.ts';
import type { Portal, Prepared } from './named-statements.ts';

/** A statement that a text runs by its name. */
export interface HeldRun {
  readonly name: string;
  readonly recordedText: string;
  readonly bind?: BindMessage | undefined;
  /** 1-based numbers of parameters whose values are for masked columns. */
  readonly secretParameters: readonly number[];
  /** What its errors say may hold masked values. */
  readonly withholdsErrors: boolean;
}

/** All that must be allowed for a text to run and what it runs by name, or why it may not. */
type HeldJudgement =
  | { readonly judged: readonly Judged[]; readonly runs: readonly HeldRun[] }
  | { readonly refusal: Refusal };

/** Statements that run others by name: what is decided is what the name stands for, now. */
export class HeldNames {
  readonly #talk: Conversation;

  constructor(talk: Conversation) {
    this.#talk = talk;
  }

  /** The decisions for a text, with those for the statements that it runs by name. */
  judge(known: KnownText): HeldJudgement {
    if (this.#talk.names.isFull && makesNames(known)) return { refusal: { reason: 'Denied', ...tooManyNames } };
    if (!known.namesHeld) return { judged: known.judged, runs: [] };
    const judged = [...known.judged];
    const runs: HeldRun[] = [];
    const local = new Map<string, PlannedStatement>();
    for (const effect of known.plan.statements.flatMap(({ effects }) => effects)) {
      if (effect.kind === 'Prepare') local.set(`statement ${effect.name}`, effect.inner);
      else if (effect.kind === 'DeclareCursor') local.set(`cursor ${effect.name}`, effect.inner);
      else if (effect.kind === 'Execute' || effect.kind === 'Fetch') {
        const inText = local.get(`${effect.kind === 'Execute' ? 'statement' : 'cursor'} ${effect.name}`);
        if (inText !== undefined) {
          judged.push(this.#talk.session.judge(inText.action));
          // Its own text stands in the one that is recorded.
          runs.push({ name: effect.name, recordedText: '', secretParameters: inText.secretParameters, withholdsErrors: withholdsErrors(known.scope, inText) });
          continue;
        }
        const found = effect.kind === 'Execute' ? this.#executed(effect.name) : this.#fetched(effect.name);
        if ('refusal' in found) return found;
        judged.push(...found.judged);
        runs.push(...found.runs);
      }
    }
    return { judged, runs };
  }

  /** Plans and decides a prepared statement anew when anything has changed since; why it may not run, if so. */
  refresh(prepared: Prepared): Refusal | undefined {
    const talk = this.#talk;
    if (prepared.known.scope === talk.scope()) return undefined;
    const known = talk.know(prepared.text);
    if (prepared.via === 'Prepare' && known.plan.text !== prepared.forwarded) {
      return {
        reason: 'Denied',
        sqlstate: '26000',
        message: `prepared statement "${prepared.name}" was made under other masks or names`,
        hint: 'DEALLOCATE it and PREPARE it again',
      };
    }
    prepared.isOutdated = false;
    // What the second check looks for may have changed.
    prepared.isDescribed = false;
    prepared.known = known;
    prepared.planned = onlyStatement(known);
    prepared.judged = known.judged;
    return undefined;
  }

  /** A portal has its text and its values fixed: after a change it may go on only if the same text would be made again. */
  recheck(portal: Portal): Refusal | undefined {
    const talk = this.#talk;
    const scope = talk.scope();
    if (portal.scope === scope) return undefined;
    const outdated: Refusal = {
      reason: 'Denied',
      message: `${portal.via === 'Bind' ? 'portal' : 'cursor'} "${portal.name}" was made under other masks or names`,
      hint: 'close it and open it again',
    };
    if (portal.scope.context.masks.id !== scope.context.masks.id) return outdated;
    const refusal = this.refresh(portal.prepared);
    return refusal ?? (portal.prepared.known.plan.text === portal.forwarded ? undefined : outdated);
  }

  /** Why a statement may not run whose description did not fit the catalogue. */
  outdated({ isOutdated }: Prepared): Refusal | undefined {
    return isOutdated === true ? { reason: 'Denied', ...catalogueChanged } : undefined;
  }

  /** Notes the names that a text makes and removes when it runs; what comes back takes it back. */
  note(known: KnownText): Undo | undefined {
    const noted: { readonly statement: number; readonly undo: (wasReached: boolean) => void }[] = [];
    for (const [statement, { effects }] of known.plan.statements.entries()) {
      for (const effect of effects) {
        const undo = this.#noteEffect(effect, known);
        if (undo !== undefined) noted.push({ statement, undo });
      }
    }
    if (noted.length === 0) return undefined;
    return (wasReached, completed) => {
      // Names do not come back with a transaction: what statements before the failed one did to them stays.
      for (const { statement, undo } of noted.toReversed()) if (statement >= completed) undo(wasReached);
    };
  }

  #noteEffect(effect: Effect, known: KnownText): ((wasReached: boolean) => void) | undefined {
    const { names } = this.#talk;
    if (effect.kind === 'Prepare') return names.addPrepared(this.#prepared(effect.name, effect.innerText));
    if (effect.kind === 'DeclareCursor') return names.addPortal(this.#cursor(effect.name, known, effect));
    if (effect.kind === 'Deallocate' && effect.name !== undefined) return names.removePrepared(effect.name);
    if (effect.kind === 'CloseCursor' && effect.name !== undefined) return names.removePortal(effect.name);
    return undefined;
  }

  /** The cursor that a text reads from, for what is counted over all its portions. */
  fetchedBy(known: KnownText): Portal | undefined {
    if (!known.namesHeld) return undefined;
    for (const { effects } of known.plan.statements) {
      for (const effect of effects) if (effect.kind === 'Fetch') return this.#talk.names.portal(effect.name);
    }
    return undefined;
  }

  #executed(name: string): HeldJudgement {
    const prepared = this.#talk.names.prepared(name);
    if (prepared?.planned === undefined) {
      return { refusal: { reason: 'Denied', sqlstate: '26000', message: `prepared statement "${name}" does not exist` } };
    }
    const refusal = this.refresh(prepared);
    if (refusal !== undefined) return { refusal };
    if (prepared.via === 'Parse' && prepared.known.plan.text !== prepared.forwarded) {
      return { refusal: { reason: 'Denied', sqlstate: '26000', message: `prepared statement "${name}" was made under other masks or names`, hint: 'prepare it again' } };
    }
    return indirect(prepared) ?? { judged: prepared.judged, runs: [runOf(name, prepared)] };
  }

  #fetched(name: string): HeldJudgement {
    const cursor = this.#talk.names.portal(name);
    if (cursor?.prepared.planned === undefined) {
      return { refusal: { reason: 'Denied', sqlstate: '34000', message: `cursor "${name}" does not exist` } };
    }
    const refusal = this.recheck(cursor);
    if (refusal !== undefined) return { refusal };
    return indirect(cursor.prepared) ?? { judged: cursor.prepared.judged, runs: [runOf(name, cursor.prepared, cursor.bind)] };
  }

  #prepared(name: string, text: string): Prepared {
    const known = this.#talk.know(text);
    return {
      name, via: 'Prepare', text, forwarded: known.plan.text, parameterTypes: [], known, planned: onlyStatement(known), judged: known.judged, isDescribed: false,
      batch: this.#talk.syncsSent,
    };
  }

  /** The cursor's query is planned with the DECLARE that it stands in, and planned anew with it too. */
  #cursor(name: string, known: KnownText, effect: { readonly isHoldable: boolean; readonly inner: PlannedStatement }): Portal {
    const prepared: Prepared = {
      name, via: 'Prepare', text: known.text, forwarded: known.plan.text, parameterTypes: [], known, planned: effect.inner,
      judged: [this.#talk.session.judge(effect.inner.action)], isDescribed: false, batch: this.#talk.syncsSent,
    };
    return { name, via: 'Declare', prepared, scope: known.scope, forwarded: known.plan.text, isHoldable: effect.isHoldable, batch: this.#talk.syncsSent, rowsSent: 0 };
  }
}

/**
 * What Parse took may do more than SQL's own PREPARE allows: change the search path, copy, run other names. Run by
 * EXECUTE or FETCH it would do so without the gateway noting it.
 */
function indirect({ name, via, planned }: Prepared): { readonly refusal: Refusal } | undefined {
  if (via !== 'Parse' || planned === undefined || (planned.effects.length === 0 && planned.copy === undefined)) return undefined;
  return {
    refusal: {
      reason: 'Denied',
      message: `${planned.action.statement} in "${name}" changes the session or copies: it cannot be run by EXECUTE or FETCH`,
      hint: 'run it by itself',
    },
  };
}

function makesNames({ plan }: KnownText): boolean {
  return plan.statements.some(({ effects }) => effects.some(({ kind }) => kind === 'Prepare' || kind === 'DeclareCursor'));
}

function runOf(name: string, { known }: Prepared, bind?: BindMessage): HeldRun {
  const { statements, recordedText } = known.plan;
  return {
    name,
    recordedText,
    bind,
    secretParameters: statements.flatMap(({ secretParameters }) => secretParameters),
    withholdsErrors: statements.some((planned) => withholdsErrors(known.scope, planned)),
  };
}
