import { unitOfMeter } from '../meter/unit-costs.ts';
import type { Sql } from '../runtime/ports.ts';
import type { Column } from './rollup-columns.ts';
import { type Cell, PassingNames, readCell, readSku, type Sku } from './rollup-names.ts';
import type { SpendFilter, SpendQuery } from './spend.ts';
import { type CodesOf, column, Lazy, type Level, mapped, timeCodes } from './spend-codes.ts';
import { mark } from './spend-sums.ts';
import { tagSets } from './spend-tag-sets.ts';

const hour = 3_600_000;
const day = 24 * hour;

export type Filter = { codesOf: CodesOf; allowed: Set<number> };

/** What is read once more for percentiles: beside it, what rows are grouped by and charged. */
const neededTwice = /^(cell|chain|cost|unit|line|sku)/;
const cellGroups = ['modality', 'provider', 'model', 'simulated', 'status', 'basis', 'catalogue'];
const nameGroups = ['project', 'user', 'workflow', 'parent'] as const;

/** What a query means for the columns: which are read, how rows are grouped and which are left out. */
export class SpendPlan {
  readonly names: PassingNames;
  readonly query: SpendQuery;
  readonly columns: Column[];
  /** Those that are read where percentiles and units are put off. */
  readonly summedColumns: Column[];
  /** Those that percentiles and units are read from where rows have their groups. */
  readonly putOffColumns: Column[];
  readonly columnsReadTwice: Column[];
  /** The columns of summaries that are read; undefined where summaries do not tell what is asked. */
  readonly summaryColumns: Column[] | undefined;
  /** The columns that percentiles are read from beside a summary, and where they are. */
  readonly tallied: { part: 'spans' | 'attempts'; columns: Column[] } | undefined;
  readonly levels: Level[] = [];
  readonly filters: Filter[] = [];
  readonly tagFilter: Set<number> | undefined;
  readonly groupsTags: boolean;
  /** Whether lines of the ledger are added up, not attempts. */
  readonly byLine: boolean;
  /** Whether all lines of a group have the same unit. */
  readonly isByUnit: boolean;
  readonly from: number;
  readonly to: number;
  private readonly sql: Sql;
  private readonly cellGroups: string[];
  private readonly parts = new Map<string, number>();
  private readonly partWords: string[][] = [];
  /** By cell: the dense number of its words that are grouped by, or -1 where the cell is left out; and its marks. */
  readonly cells: Lazy;
  readonly cellMarks: Lazy;
  /** By SKU: the same, where 0 is what no line accounts for; the unit; and 1 where it has no price. */
  readonly skus: Lazy;
  readonly skuUnits: Lazy;
  readonly unpricedSkus: Lazy;
  private readonly lineParts = new Map<string, number>();
  private readonly lineWords: { unit: string; meter: string; sku: number; sample: number }[] = [];

  constructor(sql: Sql, epoch: number, query: SpendQuery) {
    this.sql = sql;
    this.query = query;
    this.names = new PassingNames(sql, epoch);
    this.from = query.from ?? Number.NEGATIVE_INFINITY;
    this.to = query.to ?? Number.POSITIVE_INFINITY;
    const { groupBy, filters = {} } = query;
    this.cellGroups = groupBy.filter((group) => cellGroups.includes(group));
    this.groupsTags = groupBy.includes('tag');
    this.isByUnit = groupBy.includes('unit') || groupBy.includes('sku');
    this.byLine = this.isByUnit || !!filters.unit || !!filters.meter;
    this.cells = new Lazy((code) => this.partOf(readCell(this.names.text('cell', code))));
    this.cellMarks = new Lazy((code) => marksOf(readCell(this.names.text('cell', code))));
    this.skus = new Lazy((code) => this.linePartOf(code));
    this.skuUnits = new Lazy((code) => this.names.code('unit', unitOfMeter(this.sku(code)?.meter ?? '')));
    this.unpricedSkus = new Lazy((code) => (this.sku(code)?.priced === false ? 1 : 0));
    this.tagFilter = filters.tag && new Set(filters.tag.map((tag) => this.names.code('tag', tag)));
    for (const group of groupBy) this.addLevel(group);
    this.addFilters();
    this.columns = this.wantedColumns();
    this.summedColumns = this.columns.filter((name) => !name.startsWith('unit'));
    this.putOffColumns = this.columns.filter(
      (name) => neededTwice.test(name) || (this.byLine && name.startsWith('tag')),
    );
    this.columnsReadTwice = this.putOffColumns.filter((name) => this.summedColumns.includes(name));
    this.summaryColumns = this.isWithin([...cellGroups, 'day', 'key', 'key_id', 'project'])
      ? this.wantedOfSummaries()
      : undefined;
    this.tallied = query.plain ? undefined : this.wantedOfTallies();
  }

  /** How many dense numbers of cells there are by now. */
  get cellGroupCount(): number {
    return this.parts.size;
  }

  /** Adds the words of a number of cells to what a group is called. */
  putWords(part: number, texts: Record<string, string>): void {
    const words = this.partWords[part];
    for (let place = 0; place < this.cellGroups.length; place++) texts[this.cellGroups[place]!] = words?.[place] ?? '';
  }

  /** The same of a number of lines. */
  putLineWords(part: number, texts: Record<string, string>): void {
    const { unit, meter, sku } = this.lineWords[part] ?? { unit: '', meter: '', sku: 0 };
    const { groupBy } = this.query;
    if (groupBy.includes('unit')) Object.assign(texts, { unit, meter });
    if (groupBy.includes('sku')) texts.sku = this.names.text('sku', sku);
  }

  /** A SKU of this number of words. */
  sampleOf(part: number): number {
    return this.lineWords[part]?.sample ?? 0;
  }

  private partOf(cell: Cell): number {
    const { simulated, filters = {} } = this.query;
    const model = `${cell.provider}/${cell.model}`;
    const wrong =
      (simulated !== 'include' && (cell.simulated === '1') !== (simulated === 'only')) ||
      (filters.modality && !filters.modality.includes(cell.modality)) ||
      (filters.provider && !filters.provider.includes(cell.provider)) ||
      (filters.model && !filters.model.includes(model) && !filters.model.includes(cell.model));
    if (wrong) return -1;
    const words = this.cellGroups.map((group) =>
      group === 'model' ? model : group === 'simulated' ? String(cell.simulated === '1') : cell[group as keyof Cell],
    );
    return dense(this.parts, words.join('\n'), () => this.partWords.push(words));
  }

  private linePartOf(code: number): number {
    const { groupBy, filters = {} } = this.query;
    const meter = this.sku(code)?.meter ?? '';
    const unit = unitOfMeter(meter);
    if (filters.unit && !filters.unit.includes(unit)) return -1;
    if (filters.meter && !filters.meter.includes(meter)) return -1;
    const byUnit = groupBy.includes('unit');
    const sku = groupBy.includes('sku') ? code : 0;
    const words = { unit: byUnit ? unit : '', meter: byUnit ? meter : '', sku, sample: code };
    return dense(this.lineParts, `${words.meter}\n${words.sku}`, () => this.lineWords.push(words));
  }

  private sku(code: number): Sku | undefined {
    return code === 0 ? undefined : readSku(this.names.text('sku', code));
  }

  private addLevel(group: string): void {
    if (group === 'day' || group === 'hour') {
      const length = group === 'day' ? day : hour;
      const texts = new Map<number, string>();
      const text = (code: number): string => {
        const known = texts.get(code);
        if (known !== undefined) return known;
        const whole = new Date(code * length).toISOString();
        const made = group === 'day' ? whole.slice(0, 10) : `${whole.slice(0, 13)}:00Z`;
        texts.set(code, made);
        return made;
      };
      this.levels.push({ name: group, codesOf: timeCodes(length), text });
    } else if (group === 'key') {
      const named: string[] = [];
      const places = new Map<string, number>();
      const nameOf = new Lazy((code) => {
        const name = this.keyName(this.names.text('key', code));
        return dense(places, name, () => named.push(name));
      });
      const codesOf = mapped('key', nameOf);
      this.levels.push({ name: group, codesOf, text: (code) => named[code] ?? '' });
    } else if (group === 'cell') {
      this.levels.push({ name: group, codesOf: column('cell'), text: (code) => this.names.text('cell', code) });
    } else if (group === 'key_id') {
      this.levels.push({ name: group, codesOf: column('key'), text: (code) => this.names.text('key', code) });
    } else if (group === 'tags') {
      this.levels.push(tagSets(this.names, this.query.tagNames));
    } else {
      const kind = nameGroups.find((name) => name === group);
      if (kind)
        this.levels.push({ name: group, kind, codesOf: column(kind), text: (code) => this.names.text(kind, code) });
    }
  }

  private addFilters(): void {
    const { filters = {}, keyId } = this.query;
    for (const kind of nameGroups) {
      const wanted = filters[kind];
      if (wanted) this.filters.push({ codesOf: column(kind), allowed: this.codesOf(kind, wanted) });
    }
    if (filters.key) {
      const ids = filters.key.flatMap((text) =>
        this.sql.all('SELECT id FROM key WHERE id = ? OR name = ?', text, text).map((row) => String(row.id)),
      );
      this.filters.push({ codesOf: column('key'), allowed: this.codesOf('key', ids) });
    }
    if (keyId !== undefined) this.filters.push({ codesOf: column('key'), allowed: this.codesOf('key', [keyId]) });
    for (const [name, length] of [['day', day] as const, ['hour', hour] as const]) {
      const wanted = filters[name]?.map((text) => Math.floor(Date.parse(text) / length));
      if (wanted) this.filters.push({ codesOf: timeCodes(length), allowed: new Set(wanted) });
    }
  }

  private codesOf(kind: 'key' | (typeof nameGroups)[number], texts: readonly string[]): Set<number> {
    return new Set(texts.map((text) => this.names.code(kind, text)));
  }

  private keyName(id: string): string {
    return String(this.sql.all('SELECT name FROM key WHERE id = ?', id)[0]?.name ?? '');
  }

  /** So many groups there may well be: names of the kind that most are known of. */
  get likelyGroups(): number {
    const { groupBy, filters = {} } = this.query;
    const kinds = ['user', 'workflow', 'parent', 'tag'] as const;
    const wide = kinds.filter((kind) => groupBy.includes(kind) && filters[kind] === undefined);
    return Math.max(0, ...wide.map((kind) => this.names.last(kind)));
  }

  /** How much work an attempt is, against one that is only added up. */
  get weight(): number {
    return 1 + this.levels.length / 2 + (this.byLine ? 2 : 0) + (this.groupsTags ? (this.byLine ? 3 : 1) : 0);
  }

  /** Whether a segment's summary does for its attempts. */
  isInSummary(isInside: boolean): boolean {
    const onDays = (time: number) => !Number.isFinite(time) || time % day === 0;
    return this.summaryColumns !== undefined && (isInside || (onDays(this.from) && onDays(this.to)));
  }

  /** Whether nothing else is asked for, unless it is units. */
  private isWithin(known: string[]): boolean {
    const { groupBy, filters = {}, keyId } = this.query;
    const filtered = Object.entries(filters).filter(([, values]) => values !== undefined);
    const names = [...groupBy.filter((group) => group !== 'unit'), ...filtered.map(([name]) => name)];
    return [...names, ...(keyId === undefined ? [] : ['key'])].every((name) => known.includes(name));
  }

  private wantedOfSummaries(): Column[] {
    const shared = this.columns.filter((name) => name !== 'chain' && !name.startsWith('line') && name !== 'sku');
    if (!this.byLine) return [...shared, 'attempts'];
    return [
      ...shared,
      ...([
        'attempts',
        'meterCount',
        'meterSku',
        'meterAttempts',
        'meterUnpriced',
        'meterQuantity',
        'meterCost',
      ] as const),
      ...(['meterCostHigh', 'meterMarkup', 'meterMarkupHigh', 'meterAvoided', 'meterAvoidedHigh'] as const),
    ];
  }

  private wantedOfTallies(): NonNullable<typeof this.tallied> {
    if (!this.isWithin([...cellGroups, 'day'])) {
      const columns = this.columns.filter((name) => !name.startsWith('markup') && !name.startsWith('avoided'));
      return { part: 'attempts', columns };
    }
    const base: Column[] = this.columns.includes('at') ? ['cell', 'at'] : ['cell'];
    const columns: Column[] = this.byLine
      ? [
          ...(['meterCount', 'meterSku', 'meterSpanCount', 'meterSpan', 'meterSpanTimes', 'meterSpanMost'] as const),
          ...(['meterUnitSpanCount', 'meterUnitSpan', 'meterUnitSpanTimes', 'meterUnitSpanMost'] as const),
        ]
      : [
          ...(['spanCount', 'span', 'spanTimes', 'spanMost', 'unitCount', 'unit'] as const),
          ...(['unitSpanCount', 'unitSpan', 'unitSpanTimes', 'unitSpanMost'] as const),
        ];
    return { part: 'spans', columns: [...base, ...columns] };
  }

  private wantedColumns(): Column[] {
    const { groupBy, filters = {}, keyId, from, to } = this.query;
    const uses = (name: SpendFilter) => (groupBy as string[]).includes(name) || filters[name] !== undefined;
    const wanted: Column[] = ['cell', 'chain', 'cost', 'costHigh', 'markup', 'markupHigh', 'avoided', 'avoidedHigh'];
    for (const name of nameGroups) if (uses(name)) wanted.push(name);
    if (uses('key') || groupBy.includes('key_id') || keyId !== undefined) wanted.push('key');
    if (uses('day') || uses('hour') || from !== undefined || to !== undefined) wanted.push('at');
    if (uses('tag') || groupBy.includes('tags')) wanted.push('tagCount', 'tag');
    if (this.byLine) wanted.push('lineCount', 'sku', 'lineQuantity', 'lineAmount', 'lineAmountHigh');
    else wanted.push('unitCount', 'unit', 'unitQuantity');
    return wanted;
  }
}

function marksOf({ outcome, status, basis }: Cell): number {
  const hit = basis === 'gateway_cache_hit';
  return (
    (outcome === '' ? mark.open : outcome === 'succeeded' ? 0 : mark.failed) |
    (status === 'unpriced' || status === 'partially_unpriced' ? mark.unpriced : 0) |
    (status === 'priced_estimated' ? mark.estimated : 0) |
    (hit ? mark.hit : ['priced', 'priced_estimated', 'free'].includes(status) ? mark.billed : 0)
  );
}

function dense(places: Map<string, number>, words: string, make: () => void): number {
  let place = places.get(words);
  if (place === undefined) {
    place = places.size;
    places.set(words, place);
    make();
  }
  return place;
}
