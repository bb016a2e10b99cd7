// Properties of an image that its documents contain.
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

// Returns the config of the manifest `image`. Errc::invalid_argument if the media type is not that of a
// manifest; for an index, choose a platform first. Other errors are those of read_manifest.
Result<Descriptor> config_of(const Provider& provider, const Descriptor& image);
// Returns the diffIDs of an image config, from the base to the top (image-spec config.md, "rootfs"); none if
// it has none.
Result<std::vector<Digest>> diff_ids_of(const Provider& provider, const Descriptor& config);

// The treatment of missing documents.
enum class Missing : std::uint8_t { error, leaf };
// Returns the size in bytes of `image` and all its descendants (children_handler), with repetitions.
// Errc::invalid_image if the sum exceeds 2^64. Other errors are those of walk() and children_handler.
Result<std::uint64_t> size_of_image(const Provider& provider, const Descriptor& image,
                                    Missing missing = Missing::error, const Context& context = {});

// The same, but each blob counts once.
Result<std::uint64_t> size_of_blobs(const Provider& provider, const Descriptor& image,
                                    Missing missing = Missing::error, const Context& context = {});

// Returns the ChainIDs of the layers up to each diffID, from the base to the top (image-spec config.md,
// "Layer ChainID").
std::vector<Digest> chain_ids_of(std::span<const Digest> diff_ids);

// Returns the positions in `history` of the layers' entries, from the base to the top: those without
// `is_empty_layer`. Returns none if their number is not `layer_count`, because the assignment is then
// unknown.
std::vector<std::size_t> history_of_layers(std::span<const HistoryEntry> history, std::size_t layer_count);

}  // namespace layoutfs
