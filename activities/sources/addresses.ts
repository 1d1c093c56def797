/** Which addresses a reading may connect to: a public site must not lead this machine to its own network. */
import { lookup as lookupCallback } from 'node:dns';
import { lookup } from 'node:dns/promises';
import { BlockList, isIP, type LookupFunction } from 'node:net';
import { LbiError } from '../../core/errors.ts';

const inner = new BlockList();
for (const [network, prefix] of [
  ['0.0.0.0', 8],
  ['10.0.0.0', 8],
  ['100.64.0.0', 10],
  ['127.0.0.0', 8],
  ['169.254.0.0', 16],
  ['172.16.0.0', 12],
  ['192.0.0.0', 24],
  ['192.168.0.0', 16],
  ['198.18.0.0', 15],
  ['224.0.0.0', 3],
] as const)
  inner.addSubnet(network, prefix, 'ipv4');
for (const [network, prefix] of [
  ['::', 127],
  ['64:ff9b::', 96],
  ['fc00::', 7],
  ['fe80::', 10],
  ['ff00::', 8],
] as const)
  inner.addSubnet(network, prefix, 'ipv6');

/** True for loopback, private, link-local and other addresses that are not of the public internet. */
export const isInner = (address: string): boolean => inner.check(address, isIP(address) === 6 ? 'ipv6' : 'ipv4');

/** The host of an address as sockets know it: an IPv6 address without its brackets. */
export const hostOf = (url: URL): string => url.hostname.replace(/^\[|\]$/g, '');

/** True when the pipeline itself names a host of the inner network; a name that leads nowhere counts as public. */
export const namesInner = async (url: URL): Promise<boolean> => {
  const host = hostOf(url);
  if (isIP(host) !== 0) return isInner(host);
  const found = await lookup(host, { all: true }).catch(() => []);
  return found.length > 0 && found.every(({ address }) => isInner(address));
};

/** Resolves names as usual, and refuses those that lead into the inner network: asked at the moment of connecting. */
export const outerLookup: LookupFunction = (host, options, done) => {
  lookupCallback(host, { ...options, all: true }, (error, found) => {
    if (error !== null) return done(error, '', 4);
    const refused = found.find(({ address }) => isInner(address));
    if (refused !== undefined) return done(innerRefused(host, refused.address), '', 4);
    const [first] = found;
    if (options.all === true) return done(null, found);
    return first === undefined
      ? done(new Error(`${host} has no address`), '', 4)
      : done(null, first.address, first.family);
  });
};

/** The refusal of a host that leads into the inner network. */
export const innerRefused = (host: string, address: string): LbiError =>
  new LbiError(
    'spec',
    `sources: ${host} leads to ${address}, which is not of the public internet; only a source whose own address is such a host may read from there`,
  );
