/** The store in a bucket of S3 or of a server that speaks its protocol: the layout of the folder store, shared by any number of machines. */
import type { S3Client, S3ServiceException } from '@aws-sdk/client-s3';
import { StoreError } from '../core/errors.ts';
import type { Ref } from '../schemas/common.ts';
import { checkRef, memoContent, pack, pageParts, prefixParts, refOfMemo, sha256, shard, unpack } from './content.ts';
import { recent } from './recent.ts';
import type { Store } from './store.ts';

export interface S3Place {
  bucket: string;
  /** Prefix of every key, without a slash at its ends; may be empty. */
  prefix: string;
  /** Address of a server other than AWS's, and whether its buckets are paths rather than host names. */
  endpoint?: string;
  region?: string;
}

/**
 * `s3://bucket/prefix?endpoint=http://127.0.0.1:9000&region=eu-central-1`. With an endpoint, buckets are addressed by path.
 * Credentials come from where the AWS SDK finds them (`AWS_ACCESS_KEY_ID`, a profile, a role), never from the address:
 * one that holds them is refused. Throws a `spec` StoreError.
 */
export function s3Place(address: string): S3Place {
  const url = URL.canParse(address) ? new URL(address) : undefined;
  const wrong = (why: string) =>
    new StoreError(
      'spec',
      `The store's address is not usable: ${why}; expected s3://BUCKET/PREFIX?endpoint=URL&region=NAME.`,
    );
  if (url === undefined || url.protocol !== 's3:' || url.hostname === '') throw wrong('no bucket is named');
  if (url.username !== '' || url.password !== '')
    throw wrong('keys do not belong into an address (set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY)');
  const unknown = [...url.searchParams.keys()].find((name) => name !== 'endpoint' && name !== 'region');
  if (unknown !== undefined) throw wrong(`there is no parameter "${unknown}"`);
  const endpoint = url.searchParams.get('endpoint') ?? undefined;
  if (endpoint !== undefined && !/^https?:\/\//.test(endpoint))
    throw wrong(`the endpoint "${endpoint}" is no web address`);
  const region = url.searchParams.get('region') ?? undefined;
  return {
    bucket: url.hostname,
    prefix: decodeURIComponent(url.pathname).replaceAll(/^\/+|\/+$/g, ''),
    ...(endpoint === undefined ? {} : { endpoint }),
    ...(region === undefined ? {} : { region }),
  };
}

/** Bytes of recent objects held in memory. */
const cacheBytes = 64 * 1024 * 1024;

/**
 * Opens the store. Needs a server with strong read-after-write consistency and conditional writes (`If-None-Match: *`): S3 itself,
 * MinIO, R2, Ceph. The bucket must exist. Throws StoreErrors: `operator` for a missing bucket or rejected keys, `transient`
 * for a server that does not answer.
 */
export async function s3Store(place: S3Place): Promise<Store> {
  const sdk = await import('@aws-sdk/client-s3');
  const client = new sdk.S3Client({
    maxAttempts: 3,
    ...(place.endpoint === undefined ? {} : { endpoint: place.endpoint, forcePathStyle: true }),
    ...(place.region === undefined && place.endpoint === undefined ? {} : { region: place.region ?? 'us-east-1' }),
    // Older servers do not know the checksums that newer SDKs add; content is checked by its hash anyway.
    requestChecksumCalculation: 'WHEN_REQUIRED',
    responseChecksumValidation: 'WHEN_REQUIRED',
  });
  await reachable(client, sdk, place);
  return { ...objectsIn(client, sdk, place), ...memosIn(client, sdk, place), ...pagesIn(client, sdk, place) };
}

type Sdk = typeof import('@aws-sdk/client-s3');

const keyOf = (place: S3Place, ...parts: string[]): string => [place.prefix, ...parts].filter(Boolean).join('/');
const shown = (place: S3Place, key: string): string => `s3://${place.bucket}/${key}`;

async function reachable(client: S3Client, sdk: Sdk, place: S3Place): Promise<void> {
  try {
    await client.send(new sdk.HeadBucketCommand({ Bucket: place.bucket }));
  } catch (error) {
    throw s3Error('open the store', shown(place, place.prefix), error);
  }
}

/** The content behind a key, or undefined when there is none. */
async function fetchKey(client: S3Client, sdk: Sdk, place: S3Place, key: string): Promise<Uint8Array | undefined> {
  try {
    const { Body } = await client.send(new sdk.GetObjectCommand({ Bucket: place.bucket, Key: key }));
    return await Body?.transformToByteArray();
  } catch (error) {
    if (nameOf(error) === 'NoSuchKey' || statusOf(error) === 404) return undefined;
    throw s3Error('read', shown(place, key), error);
  }
}

/** Writes a key; false when `once` and it was there already. */
async function sendKey(
  client: S3Client,
  sdk: Sdk,
  place: S3Place,
  { key, bytes, once }: { key: string; bytes: Uint8Array; once: boolean },
): Promise<boolean> {
  try {
    const put = { Bucket: place.bucket, Key: key, Body: bytes, ...(once ? { IfNoneMatch: '*' } : {}) };
    await client.send(new sdk.PutObjectCommand(put));
    return true;
  } catch (error) {
    // 409: somebody else is creating it at this moment.
    if (once && (statusOf(error) === 412 || statusOf(error) === 409)) return false;
    throw s3Error('write', shown(place, key), error);
  }
}

function objectsIn(client: S3Client, sdk: Sdk, place: S3Place): Pick<Store, 'put' | 'get'> {
  const cache = recent(cacheBytes);
  const key = (ref: Ref): string => keyOf(place, 'objects', shard(ref));
  const load = async (ref: Ref): Promise<Uint8Array | undefined> => {
    const packed = await fetchKey(client, sdk, place, key(ref));
    return packed === undefined ? undefined : unpack(packed, ref, shown(place, key(ref)));
  };
  return {
    async put(given) {
      // a copy: the caller may go on using its buffer while this one is being written
      const bytes = Uint8Array.from(given);
      const ref = sha256(bytes);
      if (cache.has(ref)) return ref;
      // Whatever is there already, damaged or not, is replaced by the same content.
      await sendKey(client, sdk, place, { key: key(ref), bytes: await pack(bytes), once: false });
      cache.set(ref, bytes);
      return ref;
    },
    async get(ref) {
      checkRef(ref);
      const bytes = cache.get(ref) ?? (await load(ref));
      if (bytes === undefined)
        throw new StoreError('fatal', `Object ${ref} is not in the store: ${shown(place, key(ref))} is missing.`);
      cache.set(ref, bytes);
      return Uint8Array.from(bytes);
    },
  };
}

function memosIn(client: S3Client, sdk: Sdk, place: S3Place): Pick<Store, 'memo' | 'remember'> {
  const path = (key: string): string => keyOf(place, 'memo', shard(sha256(Buffer.from(key))));
  const memo = async (key: string): Promise<Ref | undefined> => {
    const bytes = await fetchKey(client, sdk, place, path(key));
    return bytes === undefined ? undefined : refOfMemo(bytes, key, shown(place, path(key)));
  };
  return {
    memo,
    async remember(key, ref) {
      checkRef(ref);
      if (await sendKey(client, sdk, place, { key: path(key), bytes: memoContent(key, ref), once: true })) return ref;
      const first = await memo(key);
      if (first === undefined)
        throw new StoreError('transient', `Memo ${shown(place, path(key))} is being written by somebody else.`);
      return first;
    },
  };
}

function pagesIn(client: S3Client, sdk: Sdk, place: S3Place): Pick<Store, 'write' | 'read' | 'list'> {
  const path = (name: string): string => keyOf(place, 'pages', ...pageParts(name));
  return {
    async write(name, bytes) {
      await sendKey(client, sdk, place, { key: path(name), bytes: Uint8Array.from(bytes), once: false });
    },
    read: async (name) => fetchKey(client, sdk, place, path(name)),
    async list(prefix) {
      const root = `${keyOf(place, 'pages')}/`;
      const below = prefixParts(prefix)
        .map((part) => `${part}/`)
        .join('');
      const names: string[] = [];
      try {
        const pages = sdk.paginateListObjectsV2({ client }, { Bucket: place.bucket, Prefix: `${root}${below}` });
        for await (const { Contents } of pages) names.push(...(Contents ?? []).flatMap(({ Key }) => Key ?? []));
      } catch (error) {
        throw s3Error('list', shown(place, `${root}${below}`), error);
      }
      return names.map((name) => name.slice(root.length)).sort();
    },
  };
}

const isServiceError = (error: unknown): error is S3ServiceException =>
  error instanceof Error && '$metadata' in error && typeof error.$metadata === 'object';
const statusOf = (error: unknown): number => (isServiceError(error) ? (error.$metadata.httpStatusCode ?? 0) : 0);
const nameOf = (error: unknown): string => (error instanceof Error ? error.name : '');

/** What went wrong, by who can mend it. Messages name the place, never a key. */
function s3Error(what: string, where: string, error: unknown): StoreError {
  const status = statusOf(error);
  const name = nameOf(error);
  const say = (kind: 'operator' | 'transient', why: string) =>
    new StoreError(kind, `Cannot ${what} ${where}: ${why}`, { cause: error });
  if (name === 'CredentialsProviderError' || /credential/i.test(name))
    return say(
      'operator',
      'no AWS credentials are found. Set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or a profile.',
    );
  if (status === 403 || status === 401 || name === 'InvalidAccessKeyId' || name === 'SignatureDoesNotMatch')
    return say('operator', `access is denied (${name}). Check the keys and the bucket's policy.`);
  if (name === 'NoSuchBucket' || (status === 404 && what === 'open the store'))
    return say('operator', 'there is no such bucket. Create it, or correct the address.');
  if (status === 301 || name === 'PermanentRedirect')
    return say('operator', 'the bucket is in another region. Add ?region=NAME to the address.');
  if (error instanceof Error && /region is missing/i.test(error.message))
    return say('operator', 'no region is known. Add ?region=NAME to the address, or set AWS_REGION.');
  if (status === 507 || name === 'QuotaExceeded') return say('operator', 'the quota is used up.');
  const code = error instanceof Error && 'code' in error ? String(error.code) : name;
  return say('transient', status > 0 ? `the server answered ${status} (${name}).` : `no answer (${code}).`);
}
