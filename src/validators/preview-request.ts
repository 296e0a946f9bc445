/**
 * The only way we ask a preview for something. Its address comes from the pull request's code, so it could name
 * anything this machine can reach: allowed are the preview's own port on loopback and public addresses, checked
 * after resolution, at the connection itself, for every redirect.
 */
import { lookup, type LookupAddress, type LookupAllOptions } from 'node:dns';
import { request as httpRequest, type IncomingMessage } from 'node:http';
import { request as httpsRequest } from 'node:https';
import { BlockList, isIP, type LookupFunction } from 'node:net';

export interface PreviewAnswer {
  status: number;
  /** Where redirects within the preview led. */
  finalUrl: string;
  redirects: number;
  durationMs: number;
  contentType: string;
  /** A redirect that leaves the preview is not followed; this is where it would lead. */
  leadsTo: string | null;
}

/** An address that we don't ask, whatever the preview says. */
export class ForbiddenAddress extends Error {
  override name = 'ForbiddenAddress';
}

const MAX_REDIRECTS = 10;
const MAX_BODY_BYTES = 1024 * 1024;

const reserved = new BlockList();
for (const [network, prefix] of [
  ['0.0.0.0', 8],
  ['10.0.0.0', 8],
  ['100.64.0.0', 10],
  ['127.0.0.0', 8],
  // Azure's own services for its machines.
  ['168.63.129.16', 32],
  ['169.254.0.0', 16],
  ['172.16.0.0', 12],
  ['192.0.0.0', 24],
  ['192.168.0.0', 16],
  ['198.18.0.0', 15],
  ['224.0.0.0', 3],
] as const)
  reserved.addSubnet(network, prefix, 'ipv4');
for (const [network, prefix] of [
  ['::', 96],
  // Addresses that carry an IPv4 address within: SIIT, NAT64, 6to4, Teredo.
  ['::ffff:0:0:0', 96],
  ['64:ff9b::', 32],
  ['2001::', 32],
  ['2002::', 16],
  ['fc00::', 7],
  ['fe80::', 10],
  ['fec0::', 10],
  ['ff00::', 8],
] as const)
  reserved.addSubnet(network, prefix, 'ipv6');

/** Whether an address is none that anybody may ask: loopback, private, link-local, metadata, multicast. */
export function isPublicAddress(address: string): boolean {
  const mapped = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(address);
  if (mapped) return isPublicAddress(mapped[1]!);
  const family = isIP(address);
  return family !== 0 && !reserved.check(address, family === 6 ? 'ipv6' : 'ipv4');
}

/** Whether this URL is the preview that we started ourselves on this port. */
export const isOwnPreview = (url: URL, port: number): boolean =>
  url.protocol === 'http:' &&
  ['127.0.0.1', 'localhost', '[::1]'].includes(url.hostname) &&
  (url.port || '80') === String(port);

/** @throws ForbiddenAddress for a URL that can't be a preview, before anything is resolved. */
export function requirePreviewUrl(text: string, port: number): URL {
  if (!URL.canParse(text)) throw new ForbiddenAddress(`${text} is not a URL`);
  const url = new URL(text);
  if (isOwnPreview(url, port)) return url;
  if (url.protocol !== 'https:' && url.protocol !== 'http:')
    throw new ForbiddenAddress(`${url.protocol} is not a protocol of a web app`);
  const host = url.hostname.replace(/^\[|\]$|\.$/g, '');
  if (host === 'localhost' || host.endsWith('.localhost') || (isIP(host) && !isPublicAddress(host)))
    throw new ForbiddenAddress(
      `${url.host} is neither the preview's own port (${port}) nor a public address`,
    );
  return url;
}

/** Finds all addresses of a name, as `dns.lookup` does with `all`. */
export type Resolve = (
  hostname: string,
  options: LookupAllOptions,
  callback: (error: NodeJS.ErrnoException | null, addresses: LookupAddress[]) => void,
) => void;

/** What connections look names up with, so that no other address than one that was checked is connected to. */
const publicOnly =
  (resolve: Resolve): LookupFunction =>
  (hostname, options, callback) => {
    resolve(hostname, { ...options, all: true }, (error, addresses) => {
      if (error) return callback(error, '', 0);
      const hidden = addresses.find(({ address }) => !isPublicAddress(address));
      if (hidden || addresses.length === 0)
        return callback(
          new ForbiddenAddress(`${hostname} is at ${hidden?.address ?? 'no address'}, which is not public`),
          '',
          0,
        );
      if (options.all) return (callback as (e: null, a: LookupAddress[]) => void)(null, addresses);
      callback(null, addresses[0]!.address, addresses[0]!.family);
    });
  };

/** Resolves to public addresses only. */
export const publicLookup = publicOnly(lookup);

/**
 * Asks with GET, following redirects within the preview.
 * @param options `port`: the preview's own on loopback
 * @throws ForbiddenAddress, or the connection's error, or the signal's reason
 */
export async function askPreview(
  start: string,
  options: { port: number; timeoutMs: number; signal: AbortSignal; resolve?: Resolve },
): Promise<PreviewAnswer> {
  const signal = AbortSignal.any([options.signal, AbortSignal.timeout(options.timeoutMs)]);
  const began = performance.now();
  let url = requirePreviewUrl(start, options.port);
  const { origin } = url;
  for (let redirects = 0; ; redirects++) {
    const { status, headers } = await get(url, options.port, signal, options.resolve ?? lookup);
    const answer = {
      status,
      finalUrl: url.href,
      redirects,
      durationMs: Math.round(performance.now() - began),
      contentType: headers['content-type'] ?? '',
      leadsTo: null,
    };
    const location = status >= 300 && status < 400 ? headers.location : undefined;
    if (!location || !URL.canParse(location, url.href)) return answer;
    const next = new URL(location, url);
    if (next.origin !== origin) return { ...answer, leadsTo: next.href };
    if (redirects === MAX_REDIRECTS) return answer;
    url = next;
  }
}

function get(
  url: URL,
  port: number,
  signal: AbortSignal,
  find: Resolve,
): Promise<{ status: number; headers: IncomingMessage['headers'] }> {
  return new Promise((resolve, reject) => {
    const ours = isOwnPreview(url, port);
    const request = (url.protocol === 'https:' ? httpsRequest : httpRequest)(url, {
      agent: false,
      signal,
      headers: { 'user-agent': 'CodegenApp', accept: 'text/html,*/*;q=0.8' },
      ...(ours ? {} : { lookup: publicOnly(find) }),
    });
    request.on('error', (error) => reject(signal.aborted ? (signal.reason as Error) : error));
    request.on('response', (response) => {
      const answer = { status: response.statusCode ?? 0, headers: response.headers };
      let bytes = 0;
      // The body is read, since an answer is complete only then, but not kept and not for ever.
      response.on('data', (chunk: Buffer) => {
        bytes += chunk.length;
        if (bytes > MAX_BODY_BYTES) {
          resolve(answer);
          request.destroy();
        }
      });
      response.on('end', () => resolve(answer));
      response.on('error', (error) => reject(signal.aborted ? (signal.reason as Error) : error));
    });
    request.end();
  });
}
