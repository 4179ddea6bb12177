#pragma once
#include <curl/curl.h>
// Typed entry points for curl_easy_setopt and curl_easy_getinfo, which are variadic.

typedef size_t (*cordee_curl_data)(char *bytes, size_t size, size_t count, void *context);
typedef int (*cordee_curl_progress)(
    void *context, curl_off_t down_max, curl_off_t down, curl_off_t up_max, curl_off_t up);
typedef int (*cordee_curl_trace)(
    CURL *handle, curl_infotype kind, char *bytes, size_t count, void *context);

CURLcode cordee_curl_set_long(CURL *handle, CURLoption option, long value);
CURLcode cordee_curl_set_offset(CURL *handle, CURLoption option, curl_off_t value);
CURLcode cordee_curl_set_text(CURL *handle, CURLoption option, const char *value);
CURLcode cordee_curl_set_pointer(CURL *handle, CURLoption option, const void *value);
CURLcode cordee_curl_set_list(CURL *handle, CURLoption option, struct curl_slist *value);
CURLcode cordee_curl_set_data(CURL *handle, CURLoption option, cordee_curl_data value);
CURLcode cordee_curl_set_progress(CURL *handle, cordee_curl_progress value);
CURLcode cordee_curl_set_trace(CURL *handle, cordee_curl_trace value);
CURLcode cordee_curl_get_long(CURL *handle, CURLINFO info, long *value);
