/* How a texture or surface object lies in memory: its handle is the address. The runtime fills it (cuTexObjectCreate,
 * cudaCreateTextureObject); device code reads it, so that a fetch is a few gathers of a whole warp. */
#ifndef CAIRN_TEXTURE_H
#define CAIRN_TEXTURE_H

typedef struct cairn_texture {
    const void *memory;
    unsigned long long pitch, slice;    /* bytes from row to row, and from layer to layer */
    int width, height, depth;           /* elements; a dimension that is not there is 1 */
    int kind, bits, channels;           /* cudaChannelFormatKind; bits of one channel */
    int address[3], filter, normalized; /* cudaTextureAddressMode, cudaTextureFilterMode */
    int as_float;                       /* integers are read as numbers from 0 or -1 to 1 */
    int layered;
    float border[4];
    unsigned tag;                       /* what it is, while it is there; a PTX instruction checks it */
} cairn_texture;

#define CAIRN_TEXTURE_TAG 0x74786563u
#define CAIRN_SURFACE_TAG 0x66727573u
#define CAIRN_SAMPLER_TAG 0x6c706d73u      /* only how to read: .samplerref */

#endif
