/** What was typed cannot be carried out as it stands: shown without a stack, exit code 2. */
export class WrongCall extends Error {
  override readonly name = 'WrongCall';
}
