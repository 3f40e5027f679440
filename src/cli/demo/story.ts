/**
 * The demo's story: each step says what an agent sends, what comes back and what was promised, and checks it.
 * Every byte that the agent receives is searched for the values that its masks hide.
 */
import { Agent, type Reply } from './agent.ts';
import { attempts } from './attempts.ts';
import { explainStatement } from './explain-statement.ts';
import type { Narrator } from './narrator.ts';
import { recordingStep } from './recording-step.ts';
import { SensitiveCells } from './sensitive-cells.ts';
import type { Stage } from './stage.ts';

interface Scene {
  readonly narrator: Narrator;
  readonly stage: Stage;
  readonly agent: Agent;
  readonly administrator: Agent;
  readonly cells: SensitiveCells;
}

export async function tellStory(stage: Stage, narrator: Narrator): Promise<void> {
  const administrator = await Agent.connect(stage.administrator);
  const cells = await SensitiveCells.read(administrator);
  const agent = await Agent.connect(stage.agent);
  const scene = { narrator, stage, agent, administrator, cells };
  await readsCustomers(scene);
  await triesToGetRound(scene);
  await changesThings(scene);
  await goesRoundTheGateway(scene);
  await asksWhichRuleDecides(scene);
  await agent.end();
  await administrator.end();
  await recordingStep(stage, narrator);
}

async function readsCustomers(scene: Scene): Promise<void> {
  const { narrator, administrator, cells } = scene;
  narrator.step('An agent reads customers and sees masked values');
  const query = 'select name, email, ssn, phone from customers order by id limit 3';
  narrator.sent(query, 'the administrator, in the database itself');
  const raw = await administrator.ask(query);
  narrator.received(raw);
  narrator.check(['email', 'ssn', 'phone'].every((column) => cells.foundIn(raw.bytes).includes(column)), `the search that follows knows ${cells.size} sensitive cells and finds them here`);
  const masked = await asks(scene, query, 'the agent, through the gateway');
  narrator.check(masked.error === undefined && masked.rows.length === raw.rows.length && hidesAll(scene, masked), 'same rows, nothing hidden among the bytes received');
  const notes = await asks(scene, "select id, note from orders where note ~ 'card|paid|refund' order by id");
  narrator.check(notes.error === undefined && notes.rows.length > 0 && hidesAll(scene, notes), 'card numbers in free text are found and masked');
}

async function triesToGetRound(scene: Scene): Promise<void> {
  const { narrator } = scene;
  narrator.step('The same agent tries to get round the masks');
  for (const { way, statement, values, isClosed, promise } of attempts) {
    const reply = await asks(scene, statement, way, values);
    narrator.check(isClosed(reply) && hidesAll(scene, reply), promise);
  }
}

async function changesThings(scene: Scene): Promise<void> {
  const { narrator, administrator } = scene;
  const state = 'select count(*), md5(string_agg(o::text, chr(10) order by id)) from orders as o';
  narrator.step('It tries to change things');
  const before = await administrator.ask(state);
  const removal = await asks(scene, 'delete from orders where id = 1003');
  narrator.check(isDeniedBy(removal, 'never') && removal.error?.hint !== undefined, 'denied, naming the rule, with a hint what to do');
  const change = await asks(scene, "update orders set status = 'refunded' where id = 1003");
  narrator.check(isDeniedBy(change, 'fix-orders'), 'a person would have to decide this one; denied as approvals are not enabled, naming the rule');
  const still = await asks(scene, 'select count(*) from orders');
  narrator.check(still.error === undefined, 'the session goes on');
  const after = await administrator.ask(state);
  narrator.check(JSON.stringify(before.rows) === JSON.stringify(after.rows), 'in the database nothing has changed');
}

async function goesRoundTheGateway({ narrator, stage }: Scene): Promise<void> {
  narrator.step('It goes straight to the database, with the only secret it has: its token');
  for (const user of ['agent', 'chaperone_gateway']) {
    narrator.sent(`connect host=${stage.target.host} port=${stage.target.port} dbname=${stage.target.database} user=${user}`);
    const refusal = await refusalOf({ ...stage.target, user, password: stage.agent.password });
    narrator.say(`<- ${refusal ?? 'connected'}`);
    narrator.check(refusal?.startsWith('28P01') === true, 'the database does not know the token; its own password is only with the gateway');
  }
}

async function asksWhichRuleDecides({ narrator, stage }: Scene): Promise<void> {
  narrator.step('Which rule decides, and what would be sent: `chaperone explain`');
  for (const { statement, rule } of [{ statement: 'select email from customers where id = 1', rule: 'read-shop' }, { statement: 'drop table orders', rule: 'never' }]) {
    const { command, output } = await explainStatement(stage, statement);
    narrator.sent(command);
    narrator.block(output.trimEnd());
    narrator.check(output.includes(`'${rule}'`), `rule ${rule} decides`);
  }
}

async function asks({ narrator, agent }: Scene, statement: string, label = '', values?: readonly string[]): Promise<Reply> {
  narrator.sent(values === undefined ? statement : `${statement}   $1 = ${values.join(', ')}`, label);
  const reply = await agent.ask(statement, values);
  narrator.received(reply);
  return reply;
}

function hidesAll({ cells, narrator }: Scene, { bytes }: Reply): boolean {
  const found = cells.foundIn(bytes);
  if (found.length > 0) narrator.say(`hidden values came out: ${found.join(', ')}`);
  return bytes.length > 0 && found.length === 0;
}

function isDeniedBy({ error }: Reply, rule: string): boolean {
  return error?.sqlstate === '42501' && `${error.message} ${error.detail ?? ''}`.includes(rule);
}

async function refusalOf(login: Parameters<typeof Agent.connect>[0]): Promise<string | undefined> {
  try {
    await (await Agent.connect(login)).end();
    return undefined;
  } catch (thrown) {
    const { code = '', message } = thrown as Error & { readonly code?: string };
    return `${code} ${message}`;
  }
}
