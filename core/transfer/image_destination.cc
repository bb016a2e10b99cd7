// Default implementations of destinations.
#include "core/transfer/image_destination.h"

namespace layoutfs {

Result<BlobInfo> ImageDestination::put_blob_partial(BlobChunkAccessor&, const BlobInfo&, BlobInfoCache*,
                                                    const Context&) {
  return fail(Errc::unsupported, reference() + ": partial blobs are not supported");
}

Status ImageDestination::supports_signatures(const Context&) const {
  return fail(Errc::unsupported, reference() + ": signatures are not supported");
}

Status ImageDestination::put_signatures(std::span<const Signature> signatures, const Digest&,
                                        const Context& context) {
  return signatures.empty() ? Status() : supports_signatures(context);
}

}  // namespace layoutfs
