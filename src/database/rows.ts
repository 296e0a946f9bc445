/**
 * Reading and writing rows with SQL that is written once for each kind of question. TypeORM writes it anew for every
 * one, which takes twice as long as all the rest, and events and pipelines ask the same few dozens of times.
 */
import type { DeepPartial, EntityManager, EntityMetadata, EntityTarget, ObjectLiteral } from 'typeorm';

type Value = string | number | boolean;
type Where<Row> = { [Name in keyof Row]?: Extract<Row[Name], Value> };
/** A function answers SQL. */
type Values<Row> = { [Name in keyof Row]?: Row[Name] | (() => string) };
type Order<Row> = { [Name in keyof Row]?: 'ASC' | 'DESC' };

/**
 * EntityManager.find() for columns that have just these values.
 * @throws TypeError where a value is missing: TypeORM would find all rows then
 */
export async function findRows<Row extends ObjectLiteral>(
  manager: EntityManager,
  entity: EntityTarget<Row>,
  where: Where<Row>,
  order: Order<Row> = {},
  limit?: number,
): Promise<Row[]> {
  const metadata = manager.connection.getMetadata(entity);
  const names = Object.keys(where);
  const parameters = parametersOf(metadata, where);
  const sql = once(metadata, ['SELECT', names, order, limit], () => select(metadata, names, order, limit));
  const raw = await manager.query<ObjectLiteral[]>(sql, parameters);
  return raw.map((values) => hydrated<Row>(metadata, values));
}

/** The first of them. */
export async function findRow<Row extends ObjectLiteral>(
  manager: EntityManager,
  entity: EntityTarget<Row>,
  where: Where<Row>,
  order?: Order<Row>,
): Promise<Row | null> {
  const [row] = await findRows(manager, entity, where, order, 1);
  return row ?? null;
}

/**
 * EntityManager.insert() and upsert() of rows that all name the same columns, without reading each row again for what
 * the database has filled in.
 * @param update where a row of this key is there already, these columns of it get the new values
 */
export async function insertRows<Row extends ObjectLiteral>(
  tx: EntityManager,
  entity: EntityTarget<Row>,
  rows: readonly DeepPartial<Row>[],
  update?: { columns: string[]; key: string[] },
): Promise<void> {
  const { driver } = tx.connection;
  const metadata = tx.connection.getMetadata(entity);
  const named = metadata.columns.filter((column) => rows[0] && column.getEntityValue(rows[0]) !== undefined);
  const parameters = rows.flatMap((row) =>
    named.map((column) => driver.preparePersistentValue(column.getEntityValue(row), column) as unknown),
  );
  const names = named.map(({ databaseName }) => databaseName);
  const sql = once(metadata, ['INSERT', names, rows.length, update], () =>
    insert(metadata, names, rows.length, update),
  );
  await tx.query(sql, parameters);
}

/** EntityManager.update() of rows that have just these values. @returns how many there were */
export async function updateRows<Row extends ObjectLiteral>(
  tx: EntityManager,
  entity: EntityTarget<Row>,
  where: Where<Row>,
  values: Values<Row>,
): Promise<number> {
  return (await updated(tx, tx.connection.getMetadata(entity), where, values, '1')).length;
}

/** The same of one row. @returns it as it is now; null where there is none */
export async function updateRow<Row extends ObjectLiteral>(
  tx: EntityManager,
  entity: EntityTarget<Row>,
  where: Where<Row>,
  values: Values<Row>,
): Promise<Row | null> {
  const metadata = tx.connection.getMetadata(entity);
  const [row] = await updated(tx, metadata, where, values, columnsOf(metadata));
  return row ? hydrated<Row>(metadata, row) : null;
}

/** @param returned of each row, as SQL */
async function updated(
  tx: EntityManager,
  metadata: EntityMetadata,
  where: object,
  values: object,
  returned: string,
): Promise<ObjectLiteral[]> {
  const { driver } = metadata.connection;
  const given = Object.entries(values).filter(([, value]) => value !== undefined) as [string, unknown][];
  const parameters = given.flatMap(([name, value]) =>
    isSql(value) ? [] : [driver.preparePersistentValue(value, columnOf(metadata, name)) as unknown],
  );
  const names = given.map(([name, value]) => (isSql(value) ? [name, value()] : [name]));
  const sql = once(metadata, ['UPDATE', names, Object.keys(where), returned], () =>
    update(metadata, names, Object.keys(where), returned),
  );
  const answered = await tx.query<unknown[]>(sql, [...parameters, ...parametersOf(metadata, where)]);
  // That of PostgreSQL adds how many.
  return (Array.isArray(answered[0]) ? answered[0] : answered) as ObjectLiteral[];
}

const isSql = (value: unknown): value is () => string => typeof value === 'function';

/** What the database fills in where a new row says nothing. */
export function defaultsOf<Row extends ObjectLiteral>(
  tx: EntityManager,
  entity: EntityTarget<Row>,
): DeepPartial<Row> {
  const { columns } = tx.connection.getMetadata(entity);
  const known = columns.filter((column) => column.default !== undefined);
  // As SQL, for a flag: see Flag().
  const valueOf = (value: unknown) =>
    typeof value === 'function' ? (value as () => string)() === 'true' : value;
  return Object.fromEntries(
    known.map((column) => [column.propertyName, valueOf(column.default)]),
  ) as DeepPartial<Row>;
}

const written = new WeakMap<EntityMetadata, Map<string, string>>();

function once(metadata: EntityMetadata, kind: unknown[], write: () => string): string {
  const kinds = written.get(metadata) ?? new Map<string, string>();
  written.set(metadata, kinds);
  const key = JSON.stringify(kind);
  const sql = kinds.get(key) ?? write();
  kinds.set(key, sql);
  return sql;
}

function select(
  metadata: EntityMetadata,
  where: string[],
  order: Record<string, string | undefined>,
  limit: number | undefined,
): string {
  const { driver } = metadata.connection;
  const escaped = (name: string) => driver.escape(columnOf(metadata, name).databaseName);
  const conditions = where.map((name, n) => `${escaped(name)} = ${driver.createParameter(name, n)}`);
  const sorted = Object.entries(order).map(([name, direction]) => `${escaped(name)} ${direction ?? 'ASC'}`);
  return [
    `SELECT ${columnsOf(metadata)}`,
    `FROM ${driver.escape(metadata.tableName)} WHERE ${conditions.join(' AND ')}`,
    ...(sorted.length > 0 ? [`ORDER BY ${sorted.join(', ')}`] : []),
    ...(limit === undefined ? [] : [`LIMIT ${limit}`]),
  ].join(' ');
}

function update(metadata: EntityMetadata, set: string[][], where: string[], returned: string): string {
  const { driver } = metadata.connection;
  const escaped = (name: string) => driver.escape(columnOf(metadata, name).databaseName);
  let count = 0;
  const isNow = (name: string, sql?: string) =>
    `${escaped(name)} = ${sql ?? driver.createParameter(name, count++)}`;
  const assignments = set.map(([name = '', sql]) => isNow(name, sql));
  const conditions = where.map((name) => isNow(name));
  return [
    // SQLite's driver answers rows where a statement does not begin with UPDATE.
    `WITH one AS (SELECT 1) UPDATE ${driver.escape(metadata.tableName)} SET ${assignments.join(', ')}`,
    `WHERE ${conditions.join(' AND ')}`,
    `RETURNING ${returned}`,
  ].join(' ');
}

function insert(
  metadata: EntityMetadata,
  names: string[],
  count: number,
  update: { columns: string[]; key: string[] } | undefined,
): string {
  const { driver } = metadata.connection;
  const list = (all: string[]) => all.map((name) => driver.escape(name)).join(', ');
  const values = Array.from({ length: count }, (_, row) => {
    const parameters = names.map((name, n) => driver.createParameter(name, row * names.length + n));
    return `(${parameters.join(', ')})`;
  });
  const taken = (name: string) => `${driver.escape(name)} = excluded.${driver.escape(name)}`;
  return [
    `INSERT INTO ${driver.escape(metadata.tableName)} (${list(names)}) VALUES ${values.join(', ')}`,
    ...(update
      ? [`ON CONFLICT (${list(update.key)}) DO UPDATE SET ${update.columns.map(taken).join(', ')}`]
      : []),
  ].join(' ');
}

const columnsOf = ({ columns, connection: { driver } }: EntityMetadata): string =>
  columns.map(({ databaseName }) => driver.escape(databaseName)).join(', ');

function parametersOf(metadata: EntityMetadata, where: object): unknown[] {
  const { driver } = metadata.connection;
  return Object.entries(where).map(([name, value]: [string, unknown]) => {
    if (value === undefined || value === null) throw new TypeError(`No value for ${metadata.name}.${name}`);
    return driver.preparePersistentValue(value, columnOf(metadata, name)) as unknown;
  });
}

function hydrated<Row extends ObjectLiteral>(metadata: EntityMetadata, values: ObjectLiteral): Row {
  const { driver } = metadata.connection;
  const row = metadata.create() as Row;
  for (const column of metadata.columns)
    column.setEntityValue(row, driver.prepareHydratedValue(values[column.databaseName], column));
  return row;
}

function columnOf(metadata: EntityMetadata, name: string) {
  const column = metadata.findColumnWithPropertyName(name);
  if (!column) throw new TypeError(`${metadata.name} has no column ${name}`);
  return column;
}
