import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto';
import { OperationalError } from './errors.js';

const VERSION = 'v1';

/** Encrypts secrets at rest: AES-256-GCM, bound to the place they belong to so that none can be moved elsewhere. */
export class SecretBox {
  /** @param key 32 bytes */
  constructor(private readonly key: Buffer) {}

  /** @param place e.g. project id and setting key */
  seal(text: string, place: string): string {
    const nonce = randomBytes(12);
    const cipher = createCipheriv('aes-256-gcm', this.key, nonce).setAAD(Buffer.from(place));
    const sealed = Buffer.concat([nonce, cipher.update(text, 'utf8'), cipher.final(), cipher.getAuthTag()]);
    return `${VERSION}:${sealed.toString('base64')}`;
  }

  /** @throws OperationalError where the key is not the one it was sealed with */
  open(sealed: string, place: string): string {
    const bytes = Buffer.from(sealed.slice(VERSION.length + 1), 'base64');
    try {
      const decipher = createDecipheriv('aes-256-gcm', this.key, bytes.subarray(0, 12))
        .setAAD(Buffer.from(place))
        .setAuthTag(bytes.subarray(-16));
      return Buffer.concat([decipher.update(bytes.subarray(12, -16)), decipher.final()]).toString('utf8');
    } catch {
      throw new OperationalError(
        'The stored secrets can’t be decrypted: SECRETS_KEY is not the one they were encrypted with.',
        {
          advice:
            'Start with the former SECRETS_KEY (or the secrets.key file in DATA_DIR), or set the secrets anew.',
        },
      );
    }
  }
}
