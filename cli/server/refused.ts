/** What a Temporal server says when it does not let us in, in words with the fix. */
import { LbiError } from '../../core/errors.ts';

/** gRPC status codes that are about us, not about what was asked. */
const codes = { deadline: 4, notFound: 5, denied: 7, unavailable: 14, unauthenticated: 16 } as const;

const chainOf = (error: unknown): unknown[] =>
  error instanceof Error ? [error, ...(error.cause === undefined ? [] : chainOf(error.cause))] : [error];

const codeOf = (error: unknown): number | undefined =>
  typeof error === 'object' && error !== null && 'code' in error && typeof error.code === 'number'
    ? error.code
    : undefined;

const detailsOf = (error: unknown): string =>
  typeof error === 'object' && error !== null && 'details' in error && typeof error.details === 'string'
    ? error.details
    : error instanceof Error
      ? error.message
      : String(error);

/** The error as an operator error where it is about reaching the server or being let in; any other error as it is. */
export function refused(error: unknown, address: string, namespace: string): unknown {
  const chain = chainOf(error);
  const ours = chain.find((each) => each instanceof LbiError);
  if (ours !== undefined) return ours;
  const said = chain.find((each) => codeOf(each) !== undefined);
  const details = detailsOf(said ?? chain.at(-1));
  const fix = fixOf(said === undefined ? undefined : codeOf(said), details, chain);
  if (fix === undefined) return error;
  return new LbiError(
    'operator',
    `the Temporal server at ${address}, namespace ${namespace}: ${fix.what} (${details.slice(0, 300)})\n  ${fix.fix}`,
    { cause: error },
  );
}

interface Fix {
  what: string;
  fix: string;
}

function fixOf(code: number | undefined, details: string, chain: unknown[]): Fix | undefined {
  if (/certificate|alert|SSL|TLS|handshake|wrong version number/i.test(details))
    return {
      what: 'no secure connection',
      fix: 'check TEMPORAL_TLS, TEMPORAL_TLS_SERVER_CA_CERT_PATH, TEMPORAL_TLS_CLIENT_CERT_PATH and …_KEY_PATH, or [profile.NAME.tls] in temporal.toml',
    };
  if (code === codes.unauthenticated || code === codes.denied)
    return {
      what: code === codes.denied ? 'it does not allow this' : 'it does not accept these credentials',
      fix: 'check TEMPORAL_API_KEY or the client certificate, and that they may use this namespace',
    };
  if (code === codes.notFound && /namespace/i.test(details))
    return {
      what: 'there is no such namespace',
      fix: 'check TEMPORAL_NAMESPACE, or make it: temporal operator namespace create --namespace NAME --retention 90d',
    };
  const away = chain.some((each) => each instanceof Error && /failed to connect/i.test(each.message));
  if (code === codes.unavailable || away || (code === codes.deadline && /connect/i.test(details)))
    return {
      what: 'it does not answer',
      fix: 'check that it runs and TEMPORAL_ADDRESS or the profile in temporal.toml; where it wants TLS, TEMPORAL_TLS',
    };
  return undefined;
}
