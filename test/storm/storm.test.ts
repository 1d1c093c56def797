/** Every way a provider can break, by three vendors and end to end: how it ends, after how many requests, and what a person is told. */
import assert from 'node:assert/strict';
import { before, describe, test } from 'node:test';
import { foreignKey, testKey } from '../models/vendor-servers/vendor-server.ts';
import { causes } from './causes.ts';
import { type Row, runStorm } from './run.ts';
import { vendors } from './servers.ts';

let rows: Row[] = [];
let strayed = -1;
before(async () => {
  ({ rows, strayed } = await runStorm());
});

describe('when a provider breaks', () => {
  for (const [cause, { title, end, requests, says, lost = 0 }] of Object.entries(causes))
    test(`${title}: ${end}, after ${requests} requests`, () => {
      const found = rows.filter((row) => row.cause === cause);
      assert.deepEqual(
        found.map((row) => row.vendor),
        [...vendors],
      );
      for (const row of found) {
        assert.deepEqual([row.vendor, row.end, row.requests], [row.vendor, end, requests], row.told);
        if (says !== undefined) assert.match(row.told, says);
        assert.equal(row.lost, lost, `${row.vendor}: calls that may have been charged for`);
      }
    });
  test('tokens that a provider reported are in the ledger, whatever the reply was worth', () => {
    for (const { cause, end, requests, paidTokens } of rows) {
      const paid = end === 'goes on' ? 1 : end === 'counted as unreadable' ? requests : 0;
      assert.equal(paidTokens, paid * 110, cause);
    }
  });
  test('no key goes where a redirect points, and none is shown', () => {
    assert.equal(strayed, 0);
    for (const { told } of rows) for (const key of [testKey, foreignKey]) assert.ok(!told.includes(key), told);
  });
});
