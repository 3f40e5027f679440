import type { Reply } from './agent.ts';

/** One way round a mask that agents try. */
export interface Attempt {
  readonly way: string;
  readonly statement: string;
  readonly values?: readonly string[];
  /** What the answer must be, beside holding nothing of what is masked. */
  readonly isClosed: (reply: Reply) => boolean;
  readonly promise: string;
}

const anything = (): boolean => true;
const isDenied = ({ error }: Reply): boolean => error?.sqlstate === '42501';
const isAnswered = ({ error }: Reply): boolean => error === undefined;
const isZero = ({ rows }: Reply): boolean => rows[0]?.[0] === '0';

/** A value that really is in the database, guessed right. */
const rightGuess = 'mara.lindqvist71@mail.example';

export const attempts: readonly Attempt[] = [
  { way: 'another name', statement: 'select c.email as contact, c.ssn as number from customers as c limit 2', isClosed: isAnswered, promise: 'an alias is masked as its column is' },
  { way: 'a cast', statement: 'select email::varchar(100), ssn::text::bytea from customers limit 2', isClosed: isAnswered, promise: 'the cast got the masked value' },
  { way: 'string functions', statement: "select reverse(email), substr(ssn, 1, 6), replace(phone, ' ', '') from customers limit 2", isClosed: isAnswered, promise: 'the functions computed on masked values' },
  { way: 'a guess in WHERE', statement: `select count(*) from customers where email = '${rightGuess}'`, isClosed: isZero, promise: 'the right guess counts 0: PostgreSQL compared masked values' },
  { way: 'a guess as a parameter', statement: 'select count(*) from customers where email like $1', values: [`${rightGuess.slice(0, 6)}%`], isClosed: isZero, promise: 'the same over the extended protocol' },
  { way: 'the whole row as JSON', statement: 'select to_jsonb(c) from customers as c limit 1', isClosed: isAnswered, promise: 'the row is made of masked values' },
  { way: 'a sub-select', statement: 'with x as (select * from customers) select (select max(email) from x), (select min(ssn) from x)', isClosed: isAnswered, promise: 'masked at the scan, wherever the scan is' },
  { way: 'a view', statement: 'select name, email, phone from customer_directory limit 2', isClosed: isAnswered, promise: 'a view shows no more than its tables' },
  { way: 'COPY', statement: 'copy customers (id, email, ssn) to stdout', isClosed: ({ error, copied }) => error === undefined && copied !== '', promise: 'COPY data is masked' },
  { way: 'an error text', statement: 'select email::int from customers', isClosed: ({ error }) => error !== undefined, promise: 'the error quotes no more than the mask shows' },
  { way: "the planner's statistics", statement: "select most_common_vals, histogram_bounds from pg_stats where tablename = 'customers' and attname = 'email'", isClosed: anything, promise: 'no sample of the column came out' },
  { way: 'a server file', statement: "copy customers to '/tmp/customers.csv'", isClosed: isDenied, promise: 'denied' },
];
