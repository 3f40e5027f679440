import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { serialize } from 'pg-protocol';
import { encodeQuery } from '../../../src/wire/postgresql/frontend-messages.ts';
import { loadDataset, type Postgres, startPostgres } from '../../support/postgres.ts';
import { type GatewayUnderTest, startGateway } from './gateway-under-test.ts';
import { WireClient } from './wire-client.ts';

let postgres: Postgres;
let under: GatewayUnderTest;

beforeAll(async () => {
  postgres = await startPostgres();
  await loadDataset(postgres);
  under = await startGateway(postgres, { maskRules: [] });
});
afterAll(async () => {
  await under.close();
  await postgres.stop();
});

const texts = [
  'select 1 as one', 'select n from generate_series(1, 5) n', 'select 1/0', 'begin', 'commit', 'rollback', 'savepoint s', 'rollback to s', '', 'nonsense',
  'select $1::int as given', "insert into support.agents values (900, 'app', 'x')", 'delete from support.agents where id = 900', 'declare c cursor for select 7 as seven',
  'fetch 1 from c', 'close c', 'copy (select 1) to stdout',
];
const names = ['', 'a', 'b'];
const text = fc.constantFrom(...texts);
const name = fc.constantFrom(...names);
const message = fc.oneof(
  fc.record({ text, name }).map((spec) => ({ shown: `Parse ${spec.name} ${spec.text}`, frame: serialize.parse(spec) })),
  fc.record({ portal: name, statement: name, given: fc.boolean() }).map(({ portal, statement, given }) => ({
    shown: `Bind ${portal} ${statement} ${given}`, frame: serialize.bind({ portal, statement, values: given ? ['5'] : [] }),
  })),
  fc.record({ portal: name, rows: fc.constantFrom(0, 2) }).map((spec) => ({ shown: `Execute ${spec.portal} ${spec.rows}`, frame: serialize.execute(spec) })),
  // A failed simple query leaves the target a portal without a name to describe; the gateway says that there is none.
  fc.oneof(fc.record({ type: fc.constant('S' as const), name }), fc.record({ type: fc.constant('P' as const), name: fc.constantFrom('a', 'b') })).map((spec) => ({
    shown: `Describe ${spec.type} ${spec.name}`, frame: serialize.describe(spec),
  })),
  fc.record({ type: fc.constantFrom('S' as const, 'P' as const), name }).map((spec) => ({ shown: `Close ${spec.type} ${spec.name}`, frame: serialize.close(spec) })),
  fc.constant({ shown: 'Sync', frame: Buffer.from(serialize.sync()) }),
  fc.constant({ shown: 'Flush', frame: Buffer.from(serialize.flush()) }),
  text.map((each) => ({ shown: `Query ${each}`, frame: encodeQuery(each) })),
);

/** All that a client sees until the other side has done everything and closes. */
async function conversation(client: WireClient, frames: readonly Buffer[]): Promise<string[]> {
  client.send(...frames, serialize.sync(), serialize.end());
  await client.closed();
  return client.shown();
}

describe('what a client sees through the gateway', () => {
  test('is what it would see of the target itself, whatever it sends', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(message, { minLength: 1, maxLength: 14 }), async (messages) => {
        const direct = await WireClient.trusted(`${postgres.socketDirectory}/.s.PGSQL.${postgres.port}`, postgres.superuser.user);
        const through = await WireClient.login(under.address.port);
        const frames = messages.map(({ frame }) => frame);
        const expected = await conversation(direct, frames);
        await postgres.sql('delete from support.agents where id = 900', 'shop');
        const seen = await conversation(through, frames);
        await postgres.sql('delete from support.agents where id = 900', 'shop');
        expect({ messages: messages.map(({ shown }) => shown), answers: seen }).toEqual({ messages: messages.map(({ shown }) => shown), answers: expected });
      }),
      { numRuns: Number(process.env['LIKENESS_RUNS'] ?? 150) },
    );
    expect(under.problems).toEqual([]);
  }, 120_000);
});
