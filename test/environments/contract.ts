/** The contract of environments, which the package also gives to the authors of their own. */
export { environmentContract, processesIn, temporaryContext, withSession } from '../../testing/environment.ts';
