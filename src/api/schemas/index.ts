/** Every request and answer of the API: validation, types and the OpenAPI document come from here. */
export * from './agent-runs.js';
export * from './common.js';
export * from './events.js';
export * from './pipelines.js';
export * from './projects.js';
export * from './settings.js';
