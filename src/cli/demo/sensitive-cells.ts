import type { Agent } from './agent.ts';

interface Cell {
  readonly column: string;
  /** The part of the value that the mask does not show, as the bytes of lower-case text. */
  readonly hidden: string;
}

/** Every masked cell of the shop with what its mask hides. Read without the gateway, by the database's own administrator. */
const hiddenParts = `
  SELECT 'email', split_part(email, '@', 1) FROM public.customers
  UNION ALL SELECT 'ssn', left(ssn, -4) FROM public.customers
  UNION ALL SELECT 'phone', left(phone, -2) FROM public.customers
  UNION ALL SELECT 'portal_password', portal_password FROM public.customers
  UNION ALL SELECT 'note', left((regexp_match(note, '[0-9][0-9 -]{13,}[0-9]'))[1], -4) FROM public.orders WHERE note ~ '[0-9]{4}'`;

/** The canaries: finds what no agent may receive in the bytes that one received. */
export class SensitiveCells {
  readonly #cells: readonly Cell[];

  private constructor(cells: readonly Cell[]) {
    this.#cells = cells;
  }

  static async read(administrator: Agent): Promise<SensitiveCells> {
    const { rows } = await administrator.ask(hiddenParts);
    return new SensitiveCells(rows.map(([column, hidden]) => ({ column: column ?? '', hidden: (hidden ?? '').toLowerCase() })));
  }

  get size(): number {
    return this.#cells.length;
  }

  /** The columns of which something shows: as it is, in other case, backwards or in hexadecimal digits. */
  foundIn(bytes: Buffer): readonly string[] {
    const text = bytes.toString('latin1').toLowerCase();
    const found = this.#cells.filter(({ hidden }) => {
      const raw = Buffer.from(hidden);
      return [raw, Buffer.from(raw).reverse()].some((form) => text.includes(form.toString('latin1').toLowerCase()) || text.includes(form.toString('hex')));
    });
    return [...new Set(found.map(({ column }) => column))];
  }
}
