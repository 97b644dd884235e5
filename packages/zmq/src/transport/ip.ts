/** Which texts are IP addresses. In a file of its own: the bundle for browsers has another one. */
import * as net from 'node:net';

export const isIPv4: (text: string) => boolean = net.isIPv4;
export const isIPv6: (text: string) => boolean = net.isIPv6;
