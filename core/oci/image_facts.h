// What can be said of an image by its documents.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "layoutfs/blob.h"
#include "layoutfs/context.h"
#include "layoutfs/descriptor.h"
#include "layoutfs/digest.h"
#include "layoutfs/documents.h"
#include "layoutfs/error.h"

namespace layoutfs {

// The config that the manifest `image` names. Errc::invalid_argument for what is no manifest by its media
// type, an index too: whoever has one chooses a platform first. Other errors are those of read_manifest.
Result<Descriptor> config_of(const Provider& provider, const Descriptor& image);
// The diffIDs of an image config, from the base up (image-spec config.md, "rootfs"); none where it has none.
Result<std::vector<Digest>> diff_ids_of(const Provider& provider, const Descriptor& config);

// What becomes of documents that are missing.
enum class Missing : std::uint8_t { error, leaf };
// Bytes of `image` and of everything that it leads to (children_handler). What several lead to counts as
// often. Errc::invalid_image for a sum beyond 2^64; errors are those of walk() and children_handler.
Result<std::uint64_t> size_of_image(const Provider& provider, const Descriptor& image,
                                    Missing missing = Missing::error, const Context& context = {});

// Likewise, but each blob counts once, however often and as whatever it is named.
Result<std::uint64_t> size_of_blobs(const Provider& provider, const Descriptor& image,
                                    Missing missing = Missing::error, const Context& context = {});

// Of the layers up to each diffID, from the base up (image-spec config.md, "Layer ChainID").
std::vector<Digest> chain_ids_of(std::span<const Digest> diff_ids);

// Returns the history entry of each layer, from the base up: positions in `history`, of the entries that are
// not of an empty layer. Empty if their number is not `layer_count`: then nothing is certain.
std::vector<std::size_t> history_of_layers(std::span<const HistoryEntry> history, std::size_t layer_count);

}  // namespace layoutfs
