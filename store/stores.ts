/** From a store's address to the store. */
import { fileURLToPath } from 'node:url';
import { StoreError } from '../core/errors.ts';
import { type FolderStoreOptions, folderStore } from './folder.ts';
import type { Store } from './store.ts';

/**
 * Opens the store at a folder's path, a `file:` URL or an `s3:` URL. Throws a `spec` StoreError for any other address.
 * With `readOnly` a folder that is not there is not made.
 */
export async function openStore(address: string, options: Pick<FolderStoreOptions, 'readOnly'> = {}): Promise<Store> {
  const scheme = /^([a-z][a-z0-9+.-]+):/i.exec(address)?.[1]?.toLowerCase();
  if (address !== '' && scheme === undefined) return folderStore(address, options);
  if (scheme === 'file') return folderStore(pathOf(address), options);
  if (scheme === 's3') {
    const { s3Place, s3Store } = await import('./s3.ts');
    return s3Store(s3Place(address));
  }
  throw new StoreError('spec', `No store is known for ${JSON.stringify(address)}: ${EXPECTED}.`);
}

const EXPECTED = 'expected a folder (/data/lbi), a file: URL (file:///data/lbi) or an S3 bucket (s3://bucket/prefix)';

function pathOf(url: string): string {
  try {
    return fileURLToPath(url);
  } catch (cause) {
    throw new StoreError('spec', `${JSON.stringify(url)} is not the address of a folder: ${EXPECTED}.`, { cause });
  }
}
