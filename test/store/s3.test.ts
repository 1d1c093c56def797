/** The S3 store against a server of somebody else: the contract, and what is said when the bucket or the keys are wrong. */
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { after, before, describe, test } from 'node:test';
import { CreateBucketCommand, PutObjectCommand, S3Client } from '@aws-sdk/client-s3';
import { StoreError } from '../../core/errors.ts';
import { s3Place, s3Store } from '../../store/s3.ts';
import { openStore } from '../../store/stores.ts';
import { storeContract } from './contract.ts';
import { type S3Server, s3Server } from './s3-server.ts';

const server: S3Server | { reason: string } = await s3Server();

if ('reason' in server) {
  test('the S3 store', { skip: server.reason }, () => {});
} else {
  const { endpoint } = server;
  process.env.AWS_ACCESS_KEY_ID = 'testing';
  process.env.AWS_SECRET_ACCESS_KEY = 'testing';
  const client = new S3Client({ endpoint, region: 'us-east-1', forcePathStyle: true });
  const bucket = async (): Promise<string> => {
    const name = `b-${randomUUID()}`;
    await client.send(new CreateBucketCommand({ Bucket: name }));
    return name;
  };
  after(() => server.close());

  for (const prefix of ['', 'team/runs']) {
    storeContract(`S3 store with ${prefix === '' ? 'no prefix' : 'a prefix'}`, async () => {
      const place = { bucket: await bucket(), prefix, endpoint };
      return { open: () => s3Store(place), remove: async () => {} };
    });
  }

  describe('S3 store', () => {
    let name: string;
    before(async () => {
      name = await bucket();
    });
    const kind = (expected: string, words: RegExp) => (error: unknown) => {
      assert.ok(error instanceof StoreError, String(error));
      assert.equal(error.kind, expected, error.message);
      assert.match(error.message, words);
      return true;
    };

    test('is opened by its address', async () => {
      const store = await openStore(`s3://${name}/by/address?endpoint=${encodeURIComponent(endpoint)}`);
      const ref = await store.put(Buffer.from('x'));
      const other = await s3Store({ bucket: name, prefix: 'by/address', endpoint });
      assert.equal(Buffer.from(await other.get(ref)).toString(), 'x');
    });

    test('a bucket that is not there is for a person to mend', async () => {
      await assert.rejects(
        s3Store({ bucket: 'no-such-bucket-here', prefix: '', endpoint }),
        kind('operator', /no such bucket/),
      );
    });

    test('a server that does not answer is tried again', async () => {
      const away = 'http://127.0.0.1:9';
      await assert.rejects(s3Store({ bucket: name, prefix: '', endpoint: away }), kind('transient', /no answer/));
    });

    test('a damaged object is named and mended by doing the work again', async () => {
      const place = { bucket: name, prefix: 'damage', endpoint };
      const ref = await (await s3Store(place)).put(Buffer.from('good'));
      const key = `damage/objects/${ref.slice(0, 2)}/${ref.slice(2)}`;
      await client.send(new PutObjectCommand({ Bucket: name, Key: key, Body: 'rubbish' }));
      const store = await s3Store(place);
      await assert.rejects(store.get(ref), kind('fatal', /damaged/));
      await store.put(Buffer.from('good'));
      assert.equal(Buffer.from(await (await s3Store(place)).get(ref)).toString(), 'good');
    });

    test('more pages than one listing holds are all listed', async () => {
      const store = await s3Store({ bucket: name, prefix: 'many', endpoint });
      const names = Array.from({ length: 1005 }, (_, at) => `runs/r-1/${String(at).padStart(6, '0')}`);
      for (let at = 0; at < names.length; at += 50)
        await Promise.all(names.slice(at, at + 50).map((each) => store.write(each, Buffer.from('x'))));
      assert.deepEqual(await store.list('runs/r-1/'), names);
    });
  });
}

test('addresses of buckets are read, and refused with the reason', () => {
  assert.deepEqual(s3Place('s3://data/a/b?endpoint=http://127.0.0.1:9000&region=eu-west-1'), {
    bucket: 'data',
    prefix: 'a/b',
    endpoint: 'http://127.0.0.1:9000',
    region: 'eu-west-1',
  });
  assert.deepEqual(s3Place('s3://data'), { bucket: 'data', prefix: '' });
  for (const [address, why] of [
    ['s3://', /no bucket/],
    ['s3://key:secret@data/x', /keys do not belong/],
    ['s3://data?end=http://x', /no parameter "end"/],
    ['s3://data?endpoint=127.0.0.1:9000', /no web address/],
  ] as const)
    assert.throws(
      () => s3Place(address),
      (error) => error instanceof StoreError && error.kind === 'spec' && why.test(error.message),
    );
});
