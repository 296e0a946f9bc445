/** Signed deliveries over plain sockets: what the sender itself costs must not hide what is measured. */
import { createHmac } from 'node:crypto';
import { connect, type Socket } from 'node:net';

export interface LoadOptions {
  port: number;
  path: string;
  secret: string;
  /** The body of every delivery; their ids differ. */
  payload: Buffer;
  event: string;
  connections: number;
  /** How long new deliveries are begun. */
  durationMs: number;
  /** Told of each delivery id that is answered with 2xx, as it is. */
  onAccepted?: (id: string) => void;
}

export interface Load {
  accepted: number;
  refused: number;
  perSecond: number;
  p50Ms: number;
  p99Ms: number;
  maxMs: number;
  /** Delivery ids that were answered with 2xx. */
  ids: string[];
}

let count = 0;

/** Each connection sends its next delivery when the one before was answered. Rejects when a connection breaks. */
export async function load(options: LoadOptions): Promise<Load> {
  const began = performance.now();
  const answers: Answer[] = [];
  const sender = () => send(options, began + options.durationMs, answers);
  await Promise.all(Array.from({ length: options.connections }, sender));
  const seconds = (performance.now() - began) / 1000;
  const times = answers.map(({ ms }) => ms).sort((a, b) => a - b);
  const ids = answers.filter(({ status }) => isAccepted(status)).map(({ id }) => id);
  const at = (share: number) => times[Math.min(times.length - 1, Math.floor(times.length * share))] ?? NaN;
  return {
    accepted: ids.length,
    refused: answers.length - ids.length,
    perSecond: ids.length / seconds,
    p50Ms: at(0.5),
    p99Ms: at(0.99),
    maxMs: times.at(-1) ?? NaN,
    ids,
  };
}

const isAccepted = (status: number): boolean => status >= 200 && status < 300;

interface Answer {
  id: string;
  status: number;
  ms: number;
}

async function send(options: LoadOptions, until: number, answers: Answer[]): Promise<void> {
  const socket = connect(options.port, '127.0.0.1').setNoDelay();
  try {
    while (performance.now() < until) {
      const id = `${process.pid}-${Date.now()}-${++count}`;
      const began = performance.now();
      socket.write(request(options, id));
      const status = await answer(socket);
      answers.push({ id, status, ms: performance.now() - began });
      if (isAccepted(status)) options.onAccepted?.(id);
    }
  } finally {
    socket.destroy();
  }
}

function request({ path, secret, payload, event }: LoadOptions, id: string): Buffer {
  const head = [
    `POST ${path} HTTP/1.1`,
    'host: 127.0.0.1',
    'content-type: application/json',
    `content-length: ${payload.length}`,
    `x-github-event: ${event}`,
    `x-github-delivery: ${id}`,
    `x-hub-signature-256: ${signature(payload, secret)}`,
    '',
    '',
  ].join('\r\n');
  return Buffer.concat([Buffer.from(head), payload]);
}

const signatures = new WeakMap<Buffer, string>();

function signature(payload: Buffer, secret: string): string {
  let known = signatures.get(payload);
  if (!known) {
    known = `sha256=${createHmac('sha256', secret).update(payload).digest('hex')}`;
    signatures.set(payload, known);
  }
  return known;
}

/** The status of the next answer, once it was read whole. */
function answer(socket: Socket): Promise<number> {
  return new Promise((resolve, reject) => {
    let text = '';
    const closed = () => reject(new Error('the server closed the connection'));
    const read = (chunk: Buffer) => {
      text += chunk.toString('latin1');
      const end = text.indexOf('\r\n\r\n');
      if (end < 0) return;
      const length = /\r\ncontent-length: (\d+)/i.exec(text.slice(0, end))?.[1];
      const isWhole =
        length === undefined ? text.endsWith('0\r\n\r\n') : text.length >= end + 4 + Number(length);
      if (!isWhole) return;
      socket.off('data', read).off('error', reject).off('close', closed);
      resolve(Number(text.slice(9, 12)));
    };
    socket.on('data', read).once('error', reject).once('close', closed);
  });
}
