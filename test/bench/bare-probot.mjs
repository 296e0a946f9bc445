/** The least that a Probot app can be: what the figures of receiving and starting are compared with. */
import { Probot, Server } from 'probot';

const { APP_ID, PRIVATE_KEY, WEBHOOK_SECRET, PORT } = process.env;
const server = new Server({
  Probot: Probot.defaults({
    appId: APP_ID,
    privateKey: PRIVATE_KEY,
    secret: WEBHOOK_SECRET,
    logLevel: 'error',
  }),
  host: '127.0.0.1',
  port: Number(PORT),
  loggingOptions: { level: 'error' },
});
await server.load((app) => app.on('pull_request', () => {}));
await server.start();
