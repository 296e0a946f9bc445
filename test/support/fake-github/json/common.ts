export type Json = Record<string, unknown>;

/** Roots of the addresses in answers and payloads. */
export interface Urls {
  /** Of the REST API, such as http://127.0.0.1:1234/api/v3. */
  api: string;
  /** Of pages and of git. */
  html: string;
}

/** As the newer ids of GitHub's GraphQL API look: a prefix for the type, then something opaque. */
export const nodeId = (prefix: string, id: number | string): string =>
  `${prefix}_${Buffer.from(`kwDO${id}`).toString('base64url')}`;

/** GitHub's times have no fractions of a second. */
export const iso = (time: Date | number): string => `${new Date(time).toISOString().slice(0, 19)}Z`;
