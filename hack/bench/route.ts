/** One way to the same PostgreSQL, with what a client needs to take it. */
export interface Route {
  readonly port: number;
  readonly user: string;
  readonly password: string;
  readonly database: string;
}
