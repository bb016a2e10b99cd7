// Nothing: the headers that are precompiled with it are what matters (targets.cmake).
