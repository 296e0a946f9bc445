import { randomBytes } from 'node:crypto';

const NAME = /^[A-Za-z0-9_-]{32}\.png$/;

export const newScreenshotName = (): string => `${randomBytes(24).toString('base64url')}.png`;

export const isScreenshotName = (text: string): boolean => NAME.test(text);
