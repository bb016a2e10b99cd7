#include "tools/cli/repositories_operand.h"

#include "core/cas/find_digest.h"
#include "core/oci/repository_names.h"
#include "core/registry/repository_map.h"
#include "tools/cli/command.h"

namespace layoutfs::tools {

Result<RepositoriesOperand> RepositoriesOperand::parse(const std::string& operand) {
  const std::string_view text = std::string_view(operand).substr(kRepositoriesPrefix.size());
  RepositoriesOperand parsed;
  const auto colon = text.find(':');
  parsed.store = text.substr(0, colon);
  if (parsed.store.empty())
    return fail(Errc::invalid_argument, operand + ": the directory of repositories is empty");
  if (colon == std::string_view::npos) return parsed;
  const std::string_view rest = text.substr(colon + 1);
  const auto at = rest.find('@');
  const std::string_view name = rest.substr(0, at);
  const auto end = name.find(':');
  parsed.repository = name.substr(0, end);
  if (!is_repository_name(parsed.repository)) return fail(invalid_repository(parsed.repository));
  if (end != std::string_view::npos) parsed.tag = name.substr(end + 1);
  if (end != std::string_view::npos && !is_tag(parsed.tag)) return fail(invalid_tag(parsed.tag));
  if (at == std::string_view::npos) return parsed;
  parsed.digest = rest.substr(at + 1);
  if (!is_short_digest(parsed.digest)) return fail(parse_digest_operand(parsed.digest).error());
  return parsed;
}

}  // namespace layoutfs::tools
