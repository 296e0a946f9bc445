import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';

/** Holds scripts of a pipeline up until the test lets them go on; they wait by a request, named as the test likes. */
export class Gate {
  private readonly open = new Set<string>();
  private readonly waiting = new Map<string, () => void>();

  private constructor(private readonly server: ReturnType<typeof createServer>) {}

  static async start(): Promise<Gate> {
    const gate: Gate = new Gate(
      createServer((request, response) => {
        const name = request.url!.slice(1);
        const go = () => response.end();
        if (gate.open.has(name)) go();
        else gate.waiting.set(name, go);
      }).listen(0, '127.0.0.1'),
    );
    await new Promise((resolve) => gate.server.once('listening', resolve));
    return gate;
  }

  /** A shell command that ends once the gate is open. */
  wait(name: string): string {
    const { port } = this.server.address() as AddressInfo;
    return `node -e "fetch('http://127.0.0.1:${port}/${name}')"`;
  }

  /** Whether a script has come to it. */
  isReached(name: string): boolean {
    return this.waiting.has(name);
  }

  release(name: string): void {
    this.open.add(name);
    this.waiting.get(name)?.();
  }

  close(): void {
    this.server.closeAllConnections();
    this.server.close();
  }
}
