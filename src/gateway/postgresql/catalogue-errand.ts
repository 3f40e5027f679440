import { messageOf } from '../../lib/coded-error.ts';
import type { Conversation } from './conversation.ts';
import { fatalReport } from './reports.ts';

/** Has the catalogue read anew while the client's messages wait. */
export function readCatalogueAnew(talk: Conversation): void {
  talk.errands++;
  void awaitCatalogue(talk);
}

/** DDL is over: the next text is planned with the new catalogue. */
export function readCatalogueAfterDdl(talk: Conversation): void {
  if (!talk.isCatalogueStale || talk.status !== 'Idle') return;
  talk.isCatalogueStale = false;
  readCatalogueAnew(talk);
}

async function awaitCatalogue(talk: Conversation): Promise<void> {
  try {
    await talk.deps.catalogue.refresh();
  } catch (error) {
    talk.deps.log.error('the catalogue could not be read after a change', { session: talk.session.id, error: messageOf(error) });
    // What names mean would be a guess from here on.
    talk.life.end('TargetClosed', fatalReport('57P03', 'the session ends: the catalogue of the target could not be read after a change', 'connect again'));
    return;
  }
  talk.errands--;
  talk.life.wake();
}
