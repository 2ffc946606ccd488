
#include <eml_net.h>
static const float mynet_layer_0_biases[10] = { 0.000000f, 0.000000f, 0.000000f, 0.000000f, 0.000000f, 0.000000f, 0.000000f, 0.000000f, 0.000000f, 0.000000f };
static const float mynet_layer_0_weights[20] = { 1.764052f, 0.978738f, 1.867558f, 0.950088f, -0.103219f, 0.144044f, 0.761038f, 0.443863f, 1.494079f, 0.313068f, 0.400157f, 2.240893f, -0.977278f, -0.151357f, 0.410599f, 1.454273f, 0.121675f, 0.333674f, -0.205158f, -0.854096f };
static const float mynet_layer_1_biases[5] = { 0.000000f, 0.000000f, 0.000000f, 0.000000f, 0.000000f };
static const float mynet_layer_1_weights[50] = { -1.141732f, 0.069295f, -0.468927f, -0.400465f, -0.300733f, 0.292307f, 0.169119f, -0.635051f, 0.173028f, -0.160797f, 0.386588f, -0.397030f, -0.763067f, -0.228439f, -0.363650f, -0.331906f, -0.885839f, 0.872413f, -0.527995f, -0.772017f, 1.015065f, -0.155591f, -0.227923f, -0.012603f, 0.079347f, -0.650412f, 0.069921f, -0.195913f, 0.191556f, -0.179682f, 0.020464f, 0.550203f, -0.560267f, 0.029747f, -0.729047f, -0.083711f, 0.537721f, 0.347704f, 0.135270f, 0.206963f, 0.685480f, -0.173218f, -0.721757f, -0.283677f, -0.405756f, 0.657117f, -0.135194f, -0.095140f, -0.162223f, 0.023231f };
static const float mynet_layer_2_biases[1] = { 0.000000f };
static const float mynet_layer_2_weights[5] = { 0.461117f, 0.081576f, 0.720620f, -0.780972f, 0.254463f };
static float mynet_buf1[10];
static float mynet_buf2[10];
static const EmlNetLayer mynet_layers[3] = { 
{ 10, 2, mynet_layer_0_weights, mynet_layer_0_biases, EmlNetActivationRelu }, 
{ 5, 10, mynet_layer_1_weights, mynet_layer_1_biases, EmlNetActivationRelu }, 
{ 1, 5, mynet_layer_2_weights, mynet_layer_2_biases, EmlNetActivationIdentity } };
static EmlNet mynet = { 3, mynet_layers, mynet_buf1, mynet_buf2, 10 };

    int32_t
    mynet_predict(const float *features, int32_t n_features)
    {
        return eml_net_predict(&mynet, features, n_features);
    }
    

    int32_t
    mynet_regress(const float *features, int32_t n_features, float *out, int32_t out_length)
    {
        return eml_net_regress(&mynet, features, n_features, out, out_length);
    }
    

    float
    mynet_regress1(const float *features, int32_t n_features)
    {
        return eml_net_regress1(&mynet, features, n_features);
    }
    