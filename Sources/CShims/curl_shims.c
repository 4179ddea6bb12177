#include "curl_shims.h"

CURLcode cordee_curl_set_long(CURL *handle, CURLoption option, long value) {
  return curl_easy_setopt(handle, option, value);
}

CURLcode cordee_curl_set_offset(CURL *handle, CURLoption option, curl_off_t value) {
  return curl_easy_setopt(handle, option, value);
}

CURLcode cordee_curl_set_text(CURL *handle, CURLoption option, const char *value) {
  return curl_easy_setopt(handle, option, value);
}

CURLcode cordee_curl_set_pointer(CURL *handle, CURLoption option, const void *value) {
  return curl_easy_setopt(handle, option, value);
}

CURLcode cordee_curl_set_list(CURL *handle, CURLoption option, struct curl_slist *value) {
  return curl_easy_setopt(handle, option, value);
}

CURLcode cordee_curl_set_data(CURL *handle, CURLoption option, cordee_curl_data value) {
  return curl_easy_setopt(handle, option, value);
}

CURLcode cordee_curl_set_progress(CURL *handle, cordee_curl_progress value) {
  return curl_easy_setopt(handle, CURLOPT_XFERINFOFUNCTION, value);
}

CURLcode cordee_curl_set_trace(CURL *handle, cordee_curl_trace value) {
  return curl_easy_setopt(handle, CURLOPT_DEBUGFUNCTION, value);
}

CURLcode cordee_curl_get_long(CURL *handle, CURLINFO info, long *value) {
  return curl_easy_getinfo(handle, info, value);
}
