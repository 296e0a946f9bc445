/** Column kinds that behave the same on SQLite and PostgreSQL. The differences are known here and nowhere else. */
import { Column, DefaultNamingStrategy, PrimaryColumn, type ColumnOptions } from 'typeorm';
import { decompress } from './compression.js';

/** Milliseconds since 1970 in the database, a Date in the code. */
export const timeTransformer = {
  to: (value: Date | null | undefined) => (value ? value.getTime() : value),
  // PostgreSQL hands bigint over as text.
  from: (value: number | string | null) => (value === null ? null : new Date(Number(value))),
};

const numberTransformer = {
  to: (value: number | null | undefined) => value,
  from: (value: number | string | null) => (value === null ? null : Number(value)),
};

export const Id = () => PrimaryColumn({ type: 'varchar', length: 36 });
export const Text = (options: ColumnOptions = {}) => Column({ type: 'text', ...options });
export const Word = (length: number, options: ColumnOptions = {}) =>
  Column({ type: 'varchar', length, ...options });
export const Integer = (options: ColumnOptions = {}) => Column({ type: 'integer', ...options });
/** Beyond 32 bits: GitHub's ids, byte counts. */
export const BigInteger = (options: ColumnOptions = {}) =>
  Column({ type: 'bigint', transformer: numberTransformer, ...options });
/** Its default as the migrations write it: TypeORM would have 0 on SQLite, and take the schema for another one. */
export const Flag = ({ default: value, ...options }: ColumnOptions & { default?: boolean } = {}) =>
  Column({ type: 'boolean', ...options, ...(value === undefined ? {} : { default: () => String(value) }) });
export const Time = (options: ColumnOptions = {}) =>
  Column({ type: 'bigint', transformer: timeTransformer, ...options });
export const Json = (options: ColumnOptions = {}) => Column({ type: 'simple-json', ...options });

/** Long text that whoever stores it compresses: with `compress` for SQLite, with `compressToText` for PostgreSQL. */
export const CompressedText = (options: ColumnOptions = {}) =>
  Text({ transformer: { to: (value: string) => value, from: decompress }, ...options });

/** camelCase in the code, snake_case in the database. */
export class SnakeCaseNaming extends DefaultNamingStrategy {
  override columnName(property: string, custom: string | undefined): string {
    return custom ?? property.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
  }
}
