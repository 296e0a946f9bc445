// Calls the compiled Lambda function as AWS does, event by event, in a process of its own: Jest can't load the
// CommonJS adapter, which requires Probot's ES modules.
import { handler } from '../../dist/lambda.js';

process.on('message', async ({ id, event }) => {
  const context = { functionName: 'codegenapp', awsRequestId: String(id) };
  try {
    process.send({ id, result: await handler(event, context) });
  } catch (error) {
    process.send({ id, error: error.message });
  }
});
