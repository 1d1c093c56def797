/** The workflows that a worker serves. */
export { episode } from './episode.ts';
export { lease } from './lease.ts';
export { pipeline } from './pipeline.ts';
