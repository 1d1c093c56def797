/** Contract suites for places and models of one's own, on node:test: `import { environmentContract } from 'learn-by-interact/testing'`. */
export { type ContractSubject, environmentContract, temporaryContext, withSession } from './testing/environment.ts';
export { modelContract } from './testing/model.ts';
