/** Rows by the values of some columns: what is asked for each event and each pipeline many times. */
import type { EntityManager, EntityMetadata, EntityTarget, ObjectLiteral } from 'typeorm';

type Value = string | number | boolean;
type Where<Row> = { [Name in keyof Row]?: Extract<Row[Name], Value> };
type Order<Row> = { [Name in keyof Row]?: 'ASC' | 'DESC' };

const written = new WeakMap<EntityMetadata, Map<string, string>>();

/**
 * EntityManager.find() for columns that have just these values, with SQL that is written once for each kind of
 * question: TypeORM does that anew for every one, which takes twice as long as all the rest.
 * @throws TypeError where a value is missing: TypeORM would find all rows then
 */
export async function findRows<Row extends ObjectLiteral>(
  manager: EntityManager,
  entity: EntityTarget<Row>,
  where: Where<Row>,
  order: Order<Row> = {},
  limit?: number,
): Promise<Row[]> {
  const { driver } = manager.connection;
  const metadata = manager.connection.getMetadata(entity);
  const parameters = Object.entries(where).map(([name, value]) => {
    if (value === undefined || value === null) throw new TypeError(`No value for ${metadata.name}.${name}`);
    return driver.preparePersistentValue(value, columnOf(metadata, name)) as unknown;
  });
  const kinds = written.get(metadata) ?? new Map<string, string>();
  written.set(metadata, kinds);
  const kind = JSON.stringify([Object.keys(where), order, limit]);
  const sql = kinds.get(kind) ?? select(metadata, Object.keys(where), order, limit);
  kinds.set(kind, sql);
  const raw = await manager.query<ObjectLiteral[]>(sql, parameters);
  return raw.map((values) => {
    const row = metadata.create() as Row;
    for (const column of metadata.columns)
      column.setEntityValue(row, driver.prepareHydratedValue(values[column.databaseName], column));
    return row;
  });
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
    `SELECT ${metadata.columns.map(({ databaseName }) => driver.escape(databaseName)).join(', ')}`,
    `FROM ${driver.escape(metadata.tableName)} WHERE ${conditions.join(' AND ')}`,
    ...(sorted.length > 0 ? [`ORDER BY ${sorted.join(', ')}`] : []),
    ...(limit === undefined ? [] : [`LIMIT ${limit}`]),
  ].join(' ');
}

function columnOf(metadata: EntityMetadata, name: string) {
  const column = metadata.findColumnWithPropertyName(name);
  if (!column) throw new TypeError(`${metadata.name} has no column ${name}`);
  return column;
}
